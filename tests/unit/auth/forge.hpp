// Forge: keys made at run time with OpenSSL, and the tokens one can sign with them.
//
// It shares no code with what it tests: tokens are signed by OpenSSL here, verified by libjose there.
#pragma once

#include <openssl/bio.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace zws::forge {

inline const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

inline void require(bool good, const char* what) {
  if (!good) throw std::runtime_error(std::string("forge: ") + what);
}

inline std::string base64url(std::string_view text) {
  std::string out(4 * ((text.size() + 2) / 3) + 1, '\0');
  out.resize(static_cast<std::size_t>(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                                      bytes(text), static_cast<int>(text.size()))));
  while (!out.empty() && out.back() == '=') out.pop_back();
  for (char& c : out) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return out;
}

inline std::string random_secret(std::size_t size = 32) {
  std::string secret(size, '\0');
  require(RAND_bytes(reinterpret_cast<unsigned char*>(secret.data()), static_cast<int>(size)) == 1,
          "RAND_bytes");
  return secret;
}

// What signs tokens: a secret or a private key.
class Signer {
 public:
  static Signer secret(std::string secret) { return Signer(nullptr, std::move(secret)); }
  static Signer rsa(unsigned bits = 2048) { return Signer(EVP_RSA_gen(bits), {}); }
  static Signer ec(const char* curve = "P-256") { return Signer(EVP_EC_gen(curve), {}); }
  static Signer ed25519() { return Signer(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), {}); }

  // The bytes of the JWS signature by an algorithm that suits the key.
  std::string sign(std::string_view algorithm, std::string_view text) const {
    if (!key_) return hmac(digest(algorithm), text);
    std::string signature = raw_signature(algorithm, text);
    return algorithm[0] == 'E' && algorithm[1] == 'S' ? jose_ecdsa(signature) : signature;
  }

  std::string public_pem() const {
    return pem([this](BIO* bio) { return PEM_write_bio_PUBKEY(bio, key_.get()); });
  }
  std::string private_pem() const {
    return pem([this](BIO* bio) {
      return PEM_write_bio_PrivateKey(bio, key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
  }

  std::string pkcs1_pem() const {
    unsigned char* der = nullptr;
    const int size = i2d_PublicKey(key_.get(), &der);
    require(size > 0, "PKCS#1");
    const std::unique_ptr<unsigned char, void (*)(unsigned char*)> owned(
        der, [](unsigned char* memory) { OPENSSL_free(memory); });
    return pem(
        [&](BIO* bio) { return PEM_write_bio(bio, "RSA PUBLIC KEY", "", der, size) > 0 ? 1 : 0; });
  }

  // A certificate of this key for `name`, signed by `by` whose name is `issuer`.
  std::string certificate_pem(const char* name, const Signer& by, const char* issuer,
                              long lives_s = 3600) const {
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -7200);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), lives_s);
    X509_set_pubkey(certificate.get(), key_.get());
    const auto put = [](X509_NAME* place, const char* text) {
      X509_NAME_add_entry_by_txt(place, "CN", MBSTRING_ASC, bytes(text), -1, -1, 0);
    };
    put(X509_get_subject_name(certificate.get()), name);
    put(X509_get_issuer_name(certificate.get()), issuer);
    const bool ed = EVP_PKEY_get_base_id(by.key_.get()) == EVP_PKEY_ED25519;
    require(X509_sign(certificate.get(), by.key_.get(), ed ? nullptr : EVP_sha256()) > 0, "sign");
    return pem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate.get()); });
  }

  // The members of the public JWK without braces: "kty":"RSA","n":...
  std::string jwk() const {
    if (!key_) return R"("kty":"oct","k":")" + base64url(secret_) + '"';
    if (EVP_PKEY_get_base_id(key_.get()) == EVP_PKEY_RSA)
      return R"("kty":"RSA","n":")" + number("n") + R"(","e":")" + number("e") + '"';
    if (EVP_PKEY_get_base_id(key_.get()) == EVP_PKEY_EC)
      return R"("kty":"EC","crv":")" + curve_name() + R"(","x":")" + number("qx") + R"(","y":")" +
             number("qy") + '"';
    std::string raw(32, '\0');
    std::size_t size = raw.size();
    require(EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(raw.data()),
                                        &size) == 1,
            "raw public key");
    return R"("kty":"OKP","crv":"Ed25519","x":")" + base64url(raw) + '"';
  }

 private:
  Signer(EVP_PKEY* key, std::string secret) : key_(key, EVP_PKEY_free), secret_(std::move(secret)) {
    require(key || !secret_.empty(), "no key");
  }

  static const EVP_MD* digest(std::string_view algorithm) {
    if (algorithm == "EdDSA" || algorithm == "Ed25519") return nullptr;
    const auto bits = algorithm.substr(2);
    return bits == "384" ? EVP_sha384() : bits == "512" ? EVP_sha512() : EVP_sha256();
  }

  std::string hmac(const EVP_MD* md, std::string_view text) const {
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    require(HMAC(md, secret_.data(), static_cast<int>(secret_.size()), bytes(text), text.size(),
                 mac, &size) != nullptr,
            "HMAC");
    return {reinterpret_cast<char*>(mac), size};
  }

  std::string raw_signature(std::string_view algorithm, std::string_view text) const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          EVP_MD_CTX_free);
    EVP_PKEY_CTX* options = nullptr;
    require(
        EVP_DigestSignInit(context.get(), &options, digest(algorithm), nullptr, key_.get()) == 1,
        "sign");
    if (algorithm[0] == 'P') {
      EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING);
      EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST);
    }
    std::string signature(1024, '\0');
    std::size_t size = signature.size();
    require(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                           bytes(text), text.size()) == 1,
            "sign");
    signature.resize(size);
    return signature;
  }

  // OpenSSL's DER as the two numbers side by side that JOSE wants.
  std::string jose_ecdsa(const std::string& der) const {
    const unsigned char* at = bytes(der);
    const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> numbers(
        d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())), ECDSA_SIG_free);
    require(numbers != nullptr, "DER");
    const int half = (EVP_PKEY_get_bits(key_.get()) + 7) / 8;
    std::string raw(static_cast<std::size_t>(2 * half), '\0');
    auto* out = reinterpret_cast<unsigned char*>(raw.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(numbers.get()), out, half);
    BN_bn2binpad(ECDSA_SIG_get0_s(numbers.get()), out + half, half);
    return raw;
  }

  template <typename Write>
  static std::string pem(Write write) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
    require(write(bio.get()) == 1, "PEM");
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(size)};
  }

  std::string number(const char* name) const {
    BIGNUM* value = nullptr;
    require(EVP_PKEY_get_bn_param(key_.get(), name, &value) == 1, name);
    const std::unique_ptr<BIGNUM, decltype(&BN_free)> owned(value, BN_free);
    const bool coordinate = name[0] == 'q';
    const int size = coordinate ? (EVP_PKEY_get_bits(key_.get()) + 7) / 8 : BN_num_bytes(value);
    std::string raw(static_cast<std::size_t>(size), '\0');
    BN_bn2binpad(value, reinterpret_cast<unsigned char*>(raw.data()), size);
    return base64url(raw);
  }

  std::string curve_name() const {
    const int bits = EVP_PKEY_get_bits(key_.get());
    return "P-" + std::to_string(bits);
  }

  std::shared_ptr<EVP_PKEY> key_;
  std::string secret_;
};

// A token of exactly these two JSON texts, signed by `algorithm` whatever the header says.
inline std::string token(const Signer& signer, std::string_view algorithm, std::string_view header,
                         std::string_view claims) {
  const std::string text = base64url(header) + '.' + base64url(claims);
  return text + '.' + base64url(signer.sign(algorithm, text));
}

inline std::string token(const Signer& signer, std::string_view algorithm,
                         std::string_view claims) {
  return token(signer, algorithm, R"({"alg":")" + std::string(algorithm) + R"(","typ":"JWT"})",
               claims);
}

}  // namespace zws::forge
