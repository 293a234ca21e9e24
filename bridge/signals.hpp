// Signals: SIGTERM, SIGINT and SIGHUP as values for main to wait for.
//
// Thread: main. Constructed before any other thread starts, so that all of them leave the signals to
// it. SIGPIPE and SIGXFSZ are ignored for the whole program: what cannot be written, be it that nobody reads it or
// that the file may not grow, is an error of that write.
#pragma once

#include <chrono>

namespace zws {

enum class Signal { none, stop, reload };

class Signals {
 public:
  Signals();

  // Waits for the next one, at most `time`.
  Signal next(std::chrono::milliseconds time) const;
};

}  // namespace zws
