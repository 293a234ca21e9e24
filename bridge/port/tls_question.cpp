#include "port/tls_question.hpp"

#include <openssl/ssl.h>

#include <memory>

namespace zws {
namespace {

struct Free {
  void operator()(SSL_CTX* rules) const noexcept { SSL_CTX_free(rules); }
  void operator()(SSL* session) const noexcept { SSL_free(session); }
};

}  // namespace

std::string ask_over_tls(int descriptor, std::string_view question, std::size_t bytes) {
  const std::unique_ptr<SSL_CTX, Free> rules(SSL_CTX_new(TLS_client_method()));
  const std::unique_ptr<SSL, Free> session(rules ? SSL_new(rules.get()) : nullptr);
  std::size_t moved = 0;
  if (!session || SSL_set_fd(session.get(), descriptor) != 1 || SSL_connect(session.get()) != 1 ||
      SSL_write_ex(session.get(), question.data(), question.size(), &moved) != 1)
    return {};
  std::string answer(bytes, '\0');
  const bool answered = SSL_read_ex(session.get(), answer.data(), answer.size(), &moved) == 1;
  answer.resize(answered ? moved : 0);
  return answer;
}

}  // namespace zws
