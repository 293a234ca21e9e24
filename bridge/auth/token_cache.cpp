#include "auth/token_cache.hpp"

#include <openssl/evp.h>

#include <utility>

namespace zws {
namespace {

// An entry's nodes in the list and the map, the identity and its control block, as malloc rounds them.
constexpr std::size_t bookkeeping_bytes = 480;
constexpr std::size_t short_text_bytes = 15;  // what a std::string holds in itself

std::size_t heap_bytes(const std::string& text) noexcept {
  return text.capacity() > short_text_bytes ? text.capacity() + 16 : 0;
}

std::size_t bytes_of(const Identity& identity) noexcept {
  std::size_t bytes = bookkeeping_bytes + heap_bytes(identity.user) + heap_bytes(identity.expires) +
                      heap_bytes(identity.proof.claims);
  bytes += identity.roles.capacity() * sizeof(std::string);
  for (const auto& role : identity.roles) bytes += heap_bytes(role);
  if (!identity.topics) return bytes;
  bytes += identity.topics->capacity() * sizeof(Pattern);
  for (const auto& pattern : *identity.topics) bytes += heap_bytes(pattern.text());
  return bytes;
}

}  // namespace

TokenDigest digest_of(std::string_view token) noexcept {
  TokenDigest digest{};
  EVP_Digest(token.data(), token.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  return digest;
}

IdentityPtr TokenCache::find(const TokenDigest& digest) {
  const auto place = places_.find(digest);
  if (place == places_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, place->second);
  return place->second->identity;
}

void TokenCache::insert(const TokenDigest& digest, IdentityPtr identity) {
  erase(digest);
  const std::size_t bytes = bytes_of(*identity);
  if (bytes > bytes_max_) return;
  // One without a place would never leave, and whoever makes room would look for it for ever.
  std::list<Entry> fresh;
  fresh.push_front({digest, std::move(identity), bytes});
  places_.emplace(digest, fresh.begin());
  entries_.splice(entries_.begin(), fresh);
  bytes_ += bytes;
  while (places_.size() > tokens_max_ || bytes_ > bytes_max_) {
    const TokenDigest oldest = entries_.back().digest;
    erase(oldest);
  }
}

void TokenCache::erase(const TokenDigest& digest) {
  const auto place = places_.find(digest);
  if (place == places_.end()) return;
  bytes_ -= place->second->bytes;
  entries_.erase(place->second);
  places_.erase(place);
}

void TokenCache::clear() noexcept {
  places_.clear();
  entries_.clear();
  bytes_ = 0;
}

}  // namespace zws
