#include "auth/jwks.hpp"

#include <jansson.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <tuple>
#include <utility>

#include "auth/base64url.hpp"
#include "auth/jose.hpp"
#include "core/log.hpp"

namespace zws {
namespace {

constexpr std::size_t keys_max = 100;
constexpr std::size_t secret_bytes_max = 1024;  // libjose's own bound
constexpr std::size_t ed25519_bytes = 32;
constexpr std::size_t reasons_max = 3;  // of keys that are skipped, in a refusal of all

// Why one key of a set is not used. The others are.
struct Unusable {
  std::string why;
};

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
      {"OKP", "Ed25519", {"x"}, {"EdDSA", "Ed25519"}, 1},
  };
  return all;
}

// Null, too, where the member is null: so some write what is unset.
const json_t* found(const json_t& jwk, const std::string& name) {
  const json_t* json = json_object_get(&jwk, name.c_str());
  return json_is_null(json) ? nullptr : json;
}

std::optional<std::string> member(const json_t& jwk, const std::string& name) {
  const json_t* json = found(jwk, name);
  if (!json_is_string(json)) return std::nullopt;
  return std::string(json_string_value(json), json_string_length(json));
}

// `why` follows what the member is.
[[noreturn]] void refuse_for(const json_t& jwk, const std::string& name, const std::string& why) {
  const auto text = member(jwk, name);
  if (text) throw Unusable{"its " + name + " \"" + log::escaped(*text, 40) + "\" " + why};
  throw Unusable{"its " + name + (found(jwk, name) ? " is no string" : " is missing")};
}

const Kind& kind_of(const json_t& jwk) {
  bool known_type = false;
  for (const auto& kind : kinds()) {
    if (member(jwk, "kty") != kind.type) continue;
    known_type = true;
    if (kind.curve.empty() || member(jwk, "crv") == kind.curve) return kind;
  }
  refuse_for(jwk, known_type ? "crv" : "kty", "verifies no signatures here");
}

// A JWK may say that it is for something else than to verify signatures.
void check_purpose(const json_t& jwk) {
  if (found(jwk, "use") && member(jwk, "use") != "sig")
    refuse_for(jwk, "use", "is not for signatures");
  const json_t* operations = found(jwk, "key_ops");
  if (!operations) return;
  for (std::size_t i = 0; i < json_array_size(operations); ++i) {
    const char* operation = json_string_value(json_array_get(operations, i));
    if (operation && operation == std::string_view("verify")) return;
  }
  throw Unusable{"its key_ops do not hold \"verify\""};
}

std::vector<std::string> algorithms_of(const json_t& jwk, const Kind& kind) {
  if (!found(jwk, "alg")) {
    if (kind.by_default == 0) throw Unusable{"it is a secret without alg"};
    return {kind.algorithms.begin(), kind.algorithms.begin() + static_cast<long>(kind.by_default)};
  }
  for (const auto& algorithm : kind.algorithms)
    if (member(jwk, "alg") == algorithm) return {algorithm};
  refuse_for(jwk, "alg", "verifies no signatures here with such a key");
}

// The bytes of a member. Some pad it, or write it in the alphabet of plain base64.
std::string bytes_of(const json_t& jwk, const std::string& name) {
  auto text = member(jwk, name);
  if (!text && !found(jwk, name) && found(jwk, "x5c"))
    throw Unusable{"it has x5c without the key's own member " + name};
  if (!text) refuse_for(jwk, name, "");
  text->erase(text->find_last_not_of('=') + 1);
  std::replace(text->begin(), text->end(), '+', '-');
  std::replace(text->begin(), text->end(), '/', '_');
  auto bytes = decode_base64url(*text);
  if (!bytes || bytes->empty()) throw Unusable{"its member " + name + " is not base64url"};
  return *std::move(bytes);
}

// What libjose needs of the key and nothing else of the file.
Json essence(const json_t& jwk, const Kind& kind) {
  Json copy(json_object());
  const auto put = [&](const char* name, const std::string& text) {
    json_object_set_new(copy.get(), name, json_stringn(text.data(), text.size()));
  };
  put("kty", kind.type);
  if (!kind.curve.empty()) put("crv", kind.curve);
  for (const auto& part : kind.parts) put(part.c_str(), encode_base64url(bytes_of(jwk, part)));
  return copy;
}

std::string compact_text(const json_t& json) {
  const std::unique_ptr<char, decltype(&std::free)> text(
      json_dumps(&json, JSON_COMPACT | JSON_SORT_KEYS), std::free);
  return text ? text.get() : "";
}

// RFC 7518 section 3.2: a secret is at least as long as the hash.
void check_secret(const std::string& secret, const std::string& algorithm) {
  const std::size_t least = std::stoul(algorithm.substr(2)) / 8;
  if (secret.size() < least || secret.size() > secret_bytes_max)
    throw Unusable{"its secret has " + std::to_string(secret.size()) + " bytes; allowed for " +
                   algorithm + ": " + std::to_string(least) + " to 1024"};
}

void check_numbers(const json_t& essence) {
  const auto key = jose::key_of(essence);
  const std::string why = key ? why_unusable(*key) : "its numbers are no public key";
  if (!why.empty()) throw Unusable{why};
}

PublicKey ed25519_of(const std::string& bytes) {
  if (bytes.size() != ed25519_bytes) throw Unusable{"its member x is not 32 bytes"};
  PublicKey key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr,
                                            reinterpret_cast<const unsigned char*>(bytes.data()),
                                            bytes.size()));
  if (!key) throw Unusable{"its member x is no public key"};
  const std::string why = why_unusable(*key);
  if (!why.empty()) throw Unusable{why};
  return key;
}

// One set while it is read.
class Reading {
 public:
  explicit Reading(const KeySource& source) : source_(source) {}

  void add(const json_t* jwk, std::size_t number) {
    const auto kid = json_is_object(jwk) ? member(*jwk, "kid") : std::nullopt;
    std::string name = "key " + std::to_string(number);
    if (kid) name += " (" + log::escaped(*kid) + ')';
    try {
      if (!json_is_object(jwk)) throw Unusable{"it is not a JSON object"};
      if (found(*jwk, "kid") && !kid) throw Unusable{"its kid is no string"};
      take(*jwk, kid, name);
    } catch (const Unusable& unusable) {
      log::warning("{} is skipped: {}", source_.member(name).name(), unusable.why);
      if (reasons_.size() < reasons_max) reasons_.push_back(name + ": " + unusable.why);
    }
  }

  std::vector<Key> done() {
    if (!keys_.empty()) return std::move(keys_);
    std::string why = "holds no key that verifies signatures";
    for (const std::string& reason : reasons_) why += "; " + reason;
    source_.refuse(why +
                   "; allowed: HS256/384/512 secrets with alg, RSA, EC P-256/384/521, Ed25519");
  }

 private:
  void take(const json_t& jwk, const std::optional<std::string>& kid, const std::string& name) {
    // Whatever it is for, and whether or not it can be used.
    if (found(jwk, "d") && !(found(jwk, "kty") && member(jwk, "kty") == "oct"))
      source_.member(name).refuse("is a private key, which the bridge must not have");
    const Kind& kind = kind_of(jwk);
    check_purpose(jwk);
    const auto algorithms = algorithms_of(jwk, kind);
    const Json needed = essence(jwk, kind);
    if (!seen_.insert({kid, algorithms, compact_text(*needed)}).second)
      throw Unusable{"it is there already"};
    const auto first_part = bytes_of(jwk, kind.parts[0]);
    if (kind.type == "OKP") {
      keys_.emplace_back(kid, ed25519_of(first_part));
      return;
    }
    if (kind.type == "oct")
      check_secret(first_part, algorithms[0]);
    else
      check_numbers(*needed);
    for (const auto& algorithm : algorithms) keys_.emplace_back(algorithm, kid, *needed);
  }

  using Same = std::tuple<std::optional<std::string>, std::vector<std::string>, std::string>;

  const KeySource& source_;
  std::vector<Key> keys_;
  std::set<Same> seen_;
  std::vector<std::string> reasons_;
};

}  // namespace

bool is_empty_jwks(const std::string& text) {
  const Json set = parse_of_others(text);
  const json_t* list = set ? json_object_get(set.get(), "keys") : nullptr;
  return json_is_array(list) && json_array_size(list) == 0;
}

std::vector<Key> keys_of_jwks(const std::string& text, const KeySource& source) {
  const Json set = parse_of_others(text);
  if (!set) source.refuse("is not a JSON object in good form; allowed: {\"keys\":[...]}");
  const json_t* list = json_object_get(set.get(), "keys");
  if (!json_is_array(list)) {
    if (found(*set, "jwks_uri"))
      source.refuse("is a provider's description; allowed: what its jwks_uri names");
    source.refuse("has no list \"keys\"; allowed: {\"keys\":[...]}");
  }
  if (json_array_size(list) > keys_max) source.refuse("holds over 100 keys");
  Reading reading(source);
  for (std::size_t i = 0; i < json_array_size(list); ++i)
    reading.add(json_array_get(list, i), i + 1);
  return reading.done();
}

}  // namespace zws
