// Shares: how much of a bound each address has taken. It may have no more than is left for all others, so a
// crowd behind one address (a proxy, a company) may have half of it, and nobody can have all.
//
// Thread: one at a time. Lifetime: outlives its shares. Bound: an entry for each address that has a share.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace zws {

class Shares {
  using Addresses = std::map<std::string, std::size_t>;

 public:
  // What an address has taken, until it is gone.
  class Share {
   public:
    Share(Share&& other) noexcept
        : of_(std::exchange(other.of_, nullptr)),
          address_(other.address_),
          amount_(other.amount_) {}
    Share& operator=(Share&&) = delete;
    ~Share() {
      if (of_ != nullptr) of_->give_back(address_, amount_);
    }

   private:
    friend class Shares;
    Share(Shares& of, Addresses::iterator address, std::size_t amount) noexcept
        : of_(&of), address_(address), amount_(amount) {}

    Shares* of_;
    Addresses::iterator address_;
    const std::size_t amount_;  // not 0
  };

  explicit Shares(std::size_t most) noexcept : most_(most) {}
  Shares(const Shares&) = delete;
  Shares& operator=(const Shares&) = delete;

  // Nothing where there is not so much for it. May throw std::bad_alloc.
  std::optional<Share> take(const std::string& from, std::size_t amount = 1) {
    const auto known = addresses_.find(from);
    const std::size_t has = known == addresses_.end() ? 0 : known->second;
    if (has + amount > most_ - taken_) return std::nullopt;
    const auto address = addresses_.try_emplace(from, 0).first;
    address->second += amount;
    taken_ += amount;
    return Share(*this, address, amount);
  }

  std::size_t taken() const noexcept { return taken_; }
  std::size_t addresses() const noexcept { return addresses_.size(); }

 private:
  void give_back(Addresses::iterator address, std::size_t amount) noexcept {
    taken_ -= amount;
    address->second -= amount;
    if (address->second == 0) addresses_.erase(address);
  }

  const std::size_t most_;
  std::size_t taken_ = 0;
  Addresses addresses_;
};

}  // namespace zws
