// TokenCache: tokens that were verified, by digest, the longest unused one leaving first.
//
// Thread: its owner's lock. Bounds: a number of tokens and of bytes, its own bookkeeping included.
#pragma once

#include <array>
#include <list>
#include <map>

#include "auth/identity.hpp"

namespace zws {

// SHA-256 of a token's text.
using TokenDigest = std::array<unsigned char, 32>;

TokenDigest digest_of(std::string_view token) noexcept;

class TokenCache {
 public:
  TokenCache(std::size_t tokens_max, std::size_t bytes_max)
      : tokens_max_(tokens_max), bytes_max_(bytes_max) {}

  // Null if the token is not known. Cost: O(log size).
  IdentityPtr find(const TokenDigest& digest);

  // An identity larger than the whole cache is not kept.
  void insert(const TokenDigest& digest, IdentityPtr identity);

  void erase(const TokenDigest& digest);
  void clear() noexcept;

  std::size_t size() const noexcept { return places_.size(); }

 private:
  struct Entry {
    TokenDigest digest;
    IdentityPtr identity;
    std::size_t bytes;
  };

  const std::size_t tokens_max_;
  const std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  std::list<Entry> entries_;  // used most recently first
  std::map<TokenDigest, std::list<Entry>::iterator> places_;
};

}  // namespace zws
