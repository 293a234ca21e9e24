#include "api/audit.hpp"

#include <algorithm>
#include <iterator>

#include "config/secrecy.hpp"
#include "core/log.hpp"

namespace zws {
namespace {

constexpr std::size_t path_bytes_max = 100;  // the names in it follow by themselves
constexpr std::size_t names_max = 10;

}  // namespace

Audit::Audit(const HttpRequest& request, std::shared_ptr<AuditValves> valves)
    : valves_(std::move(valves)),
      address_(request.address),
      method_(request.method),
      path_(request.path) {}

Audit::~Audit() {
  if (!written_) write(nullptr);
}

void Audit::by(std::string_view user, bool administrator) {
  user_ = user;
  administrator_ = administrator;
}

void Audit::because(std::string_view reason) { reason_ = reason; }

void Audit::about(std::string_view kind, std::string_view name) {
  kind_ = kind;
  names_ = {config::without_secrets(name)};  // a token was pasted there
}

void Audit::about(std::string_view kind, const std::vector<std::string>& names) {
  kind_ = kind;
  many_ = true;
  count_ = names.size();
  const auto shown = static_cast<std::ptrdiff_t>(std::min(count_, names_max));
  names_.clear();
  std::transform(names.begin(), names.begin() + shown, std::back_inserter(names_),
                 config::without_secrets);
}

void Audit::reached(std::size_t connections) { reached_ = connections; }

void Audit::answered(const HttpResponse& response) noexcept {
  written_ = true;
  if (skip_if_done_ && response.status < 400) return;
  write(&response);
}

bool Audit::may_be_written(std::uint64_t& held_back) {
  if (!log::audits()) return false;
  if (administrator_) return true;
  AuditValve& valve = user_.empty() ? valves_->strangers : valves_->users;
  return valve.pass(held_back, std::chrono::steady_clock::now());
}

void Audit::write(const HttpResponse* response) noexcept try {
  std::uint64_t more = 0;
  if (!may_be_written(more)) return;
  log::AuditLine line;
  if (!user_.empty()) line.text("who", user_);
  line.text("from", address_).text("method", method_, 20).text("path", path_, path_bytes_max);
  if (many_) {
    line.texts(kind_, names_);
    if (count_ > names_.size()) line.number("count", count_);
  } else if (!kind_.empty()) {
    line.text(kind_, names_[0]);
  }
  if (reached_) line.number("reached", *reached_);
  if (!reason_.empty()) line.text("why", reason_, 200);
  if (response != nullptr) {
    line.number("status", static_cast<std::uint64_t>(response->status));
    if (!response->code.empty()) line.text("code", response->code);
  }
  if (more > 0) line.number("more", more);
  line.write();
} catch (...) {
  // A line that cannot be written must not take the program with it.
}

}  // namespace zws
