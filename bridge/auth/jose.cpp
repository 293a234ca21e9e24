#include "auth/jose.hpp"

#include <jansson.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <cstdint>

extern "C" {
#include <jose/b64.h>
#include <jose/cfg.h>
#include <jose/jws.h>
#include <jose/openssl.h>
}

namespace zws::jose {
namespace {

void ignore(void*, const char*, int, std::uint64_t, const char*, va_list) {}

// libjose writes its complaints to stderr unless told otherwise, and strangers could provoke them.
// Its reference count is not atomic, so each call has a configuration of its own.
class Call {
 public:
  Call() noexcept : config_(jose_cfg()) {
    if (config_) jose_cfg_set_err_func(config_, ignore, nullptr);
  }
  ~Call() {
    if (config_) jose_cfg_decref(config_);
    ERR_clear_error();
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  jose_cfg_t* config() const noexcept { return config_; }

 private:
  jose_cfg_t* config_;
};

}  // namespace

bool verifies(const json_t& jwk, const Token& token) noexcept {
  const Call call;
  const auto part = [](std::string_view text) { return json_stringn(text.data(), text.size()); };
  const Json jws(json_pack("{s:o, s:o, s:o}", "protected", part(token.header), "payload",
                           part(token.payload), "signature", part(token.signature)));
  return call.config() && jws && jose_jws_ver(call.config(), jws.get(), nullptr, &jwk, false);
}

Json jwk_of_secret(std::string_view secret) noexcept {
  return Json(
      json_pack("{s:s, s:o}", "kty", "oct", "k", jose_b64_enc(secret.data(), secret.size())));
}

Json jwk_of(evp_pkey_st& key) noexcept {
  const Call call;
  return Json(jose_openssl_jwk_from_EVP_PKEY(call.config(), &key));
}

PublicKey key_of(const json_t& jwk) noexcept {
  const Call call;
  return PublicKey(jose_openssl_jwk_to_EVP_PKEY(call.config(), &jwk));
}

}  // namespace zws::jose
