// CertificateWatch: warns in the log of a certificate that ends within two weeks: at once, then once a
// day. For those who look at no metric.
//
// Thread: main.
#pragma once

#include <cstdint>

#include "core/clock.hpp"

namespace zws {

class CertificateWatch {
 public:
  // Call it about once a minute. `not_after`: when the certificate in force ends, Unix time; 0 for none.
  void look(std::uint64_t not_after);

 private:
  std::uint64_t watched_ = 0;
  SteadyTime next_{};
};

}  // namespace zws
