#include "core/user.hpp"

#include "core/bidi.hpp"
#include "core/topic.hpp"

namespace zws {

bool is_user(std::string_view name) noexcept {
  return !name.empty() && name.size() <= user_bytes_max && is_utf8(name) && !has_control(name) &&
         !has_bidi(name) && name.find('*') == std::string_view::npos;
}

}  // namespace zws
