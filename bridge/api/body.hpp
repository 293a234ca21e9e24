// Body: the JSON body of a call, checked, with the bytes of a member as they were sent.
//
// Thread: a value. Throws ApiRefusal{400} for what is not a JSON object nested at most 32 deep, and
// for members that are missing, of the wrong type, or that a call does not know.
// Cost: linear in the text; nothing is kept of what no call reads, however much of it there is.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zws {

class Body {
 public:
  // Refuses members that are not `known` (empty: none is refused): what is misspelt would else be as good as
  // absent, and a notification for "target_user" go to everybody.
  explicit Body(std::string_view text, const std::vector<std::string_view>& known = {});
  ~Body();

  std::string string(const char* name) const;
  std::optional<std::string> optional_string(const char* name) const;
  // Of more than `most` only one more, which says so.
  std::optional<std::vector<std::string>> optional_strings(const char* name,
                                                           std::size_t most) const;
  bool is_object(const char* name) const;

  // The member's JSON, byte for byte.
  std::string raw(const char* name) const;

 private:
  struct Members;

  const std::unique_ptr<Members> members_;
};

}  // namespace zws
