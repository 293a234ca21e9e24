#include "auth/jwks.hpp"

#include <jansson.h>
#include <openssl/evp.h>

#include <utility>

#include "auth/base64url.hpp"
#include "auth/jose.hpp"
#include "core/log.hpp"

namespace zws {
namespace {

constexpr std::size_t keys_max = 100;
constexpr std::size_t secret_bytes_max = 1024;  // libjose's own bound
constexpr std::size_t ed25519_bytes = 32;

// One kind of key: what a JWK of it must hold and may sign with.
struct Kind {
  std::string type;                     // kty
  std::string curve;                    // crv, if the type has curves
  std::vector<std::string> parts;       // the public members, in base64url
  std::vector<std::string> algorithms;  // alg
  std::size_t by_default;               // the first so many of them serve a key without alg
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all{
      {"oct", "", {"k"}, {"HS256", "HS384", "HS512"}, 0},
      {"RSA", "", {"n", "e"}, {"RS256", "PS256", "RS384", "PS384", "RS512", "PS512"}, 2},
      {"EC", "P-256", {"x", "y"}, {"ES256"}, 1},
      {"EC", "P-384", {"x", "y"}, {"ES384"}, 1},
      {"EC", "P-521", {"x", "y"}, {"ES512"}, 1},
      {"OKP", "Ed25519", {"x"}, {"EdDSA"}, 1},
  };
  return all;
}

std::optional<std::string> member(const json_t& jwk, const std::string& name) {
  const json_t* json = json_object_get(&jwk, name.c_str());
  if (!json_is_string(json)) return std::nullopt;
  return std::string(json_string_value(json), json_string_length(json));
}

const Kind* kind_of(const json_t& jwk) {
  for (const auto& kind : kinds())
    if (member(jwk, "kty") == kind.type && (kind.curve.empty() || member(jwk, "crv") == kind.curve))
      return &kind;
  return nullptr;
}

// Whether the JWK says that it is for something else than to verify signatures.
bool is_for_something_else(const json_t& jwk) {
  if (json_object_get(&jwk, "use") && member(jwk, "use") != "sig") return true;
  const json_t* operations = json_object_get(&jwk, "key_ops");
  if (!operations) return false;
  for (std::size_t i = 0; i < json_array_size(operations); ++i) {
    const char* operation = json_string_value(json_array_get(operations, i));
    if (operation && operation == std::string_view("verify")) return false;
  }
  return true;
}

std::vector<std::string> algorithms_of(const json_t& jwk, const Kind& kind) {
  if (!json_object_get(&jwk, "alg"))
    return {kind.algorithms.begin(), kind.algorithms.begin() + static_cast<long>(kind.by_default)};
  for (const auto& algorithm : kind.algorithms)
    if (member(jwk, "alg") == algorithm) return {algorithm};
  return {};
}

// What libjose needs of the key and nothing else of the file.
Json essence(const json_t& jwk, const Kind& kind, const KeySource& source) {
  Json copy(json_object());
  const auto put = [&](const char* name, const std::string& text) {
    json_object_set_new(copy.get(), name, json_stringn(text.data(), text.size()));
  };
  put("kty", kind.type);
  if (!kind.curve.empty()) put("crv", kind.curve);
  for (const auto& part : kind.parts) {
    const auto text = member(jwk, part);
    if (!text || text->empty() || !decode_base64url(*text))
      source.refuse("its member " + part + " is not base64url");
    put(part.c_str(), *text);
  }
  return copy;
}

// RFC 7518 section 3.2: a secret is at least as long as the hash.
void check_secret(const std::string& secret, const std::string& algorithm,
                  const KeySource& source) {
  const std::size_t least = std::stoul(algorithm.substr(2)) / 8;
  if (secret.size() < least || secret.size() > secret_bytes_max)
    source.refuse("its secret has " + std::to_string(secret.size()) + " bytes; allowed for " +
                  algorithm + ": " + std::to_string(least) + " to 1024");
}

PublicKey ed25519_of(const std::string& bytes, const KeySource& source) {
  if (bytes.size() != ed25519_bytes) source.refuse("its member x is not 32 bytes");
  return PublicKey(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr,
                                               reinterpret_cast<const unsigned char*>(bytes.data()),
                                               bytes.size()));
}

// The key for each algorithm it serves, none if it is not for us.
std::vector<Key> keys_of(const json_t& jwk, const std::optional<std::string>& kid,
                         const KeySource& source) {
  const Kind* kind = kind_of(jwk);
  if (!kind || is_for_something_else(jwk)) return {};
  const auto algorithms = algorithms_of(jwk, *kind);
  if (algorithms.empty()) return {};
  if (kind->type != "oct" && json_object_get(&jwk, "d"))
    source.refuse("is a private key, which the bridge must not have");
  const Json needed = essence(jwk, *kind, source);
  const auto first_part = *decode_base64url(*member(jwk, kind->parts[0]));
  std::vector<Key> keys;
  if (kind->type == "OKP") {
    keys.emplace_back(kid, ed25519_of(first_part, source));
    return keys;
  }
  if (kind->type == "oct") {
    check_secret(first_part, algorithms[0], source);
  } else {
    const auto key = jose::key_of(*needed);
    if (!key) source.refuse("its numbers are no public key");
    check_public_key(*key, source);
  }
  for (const auto& algorithm : algorithms) keys.emplace_back(algorithm, kid, *needed);
  return keys;
}

}  // namespace

std::vector<Key> keys_of_jwks(const std::string& text, const KeySource& source) {
  const Json set = parse_json_object(text);
  if (!set) source.refuse("is not a JSON object in good form; allowed: {\"keys\":[...]}");
  const json_t* list = json_object_get(set.get(), "keys");
  if (!json_is_array(list)) source.refuse("has no list \"keys\"; allowed: {\"keys\":[...]}");
  if (json_array_size(list) > keys_max) source.refuse("holds over 100 keys");
  std::vector<Key> all;
  for (std::size_t i = 0; i < json_array_size(list); ++i) {
    const json_t* jwk = json_array_get(list, i);
    const std::string number = "key " + std::to_string(i + 1);
    if (!json_is_object(jwk)) source.member(number).refuse("is not a JSON object");
    const auto kid = member(*jwk, "kid");
    if (json_object_get(jwk, "kid") && !kid) source.member(number).refuse("its kid is no string");
    const auto place = source.member(kid ? number + " (" + log::escaped(*kid) + ')' : number);
    auto keys = keys_of(*jwk, kid, place);
    if (keys.empty())
      log::warning("{} is skipped: it verifies no signatures known here", place.name());
    for (auto& key : keys) all.push_back(std::move(key));
  }
  if (all.empty())
    source.refuse(
        "holds no key that verifies signatures; allowed: HS256/384/512 secrets with alg, "
        "RSA, EC P-256/384/521, Ed25519");
  return all;
}

}  // namespace zws
