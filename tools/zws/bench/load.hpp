// Load: what one run of `zws bench` does to a bridge, as the command line says it.
//
// Thread: written once, then only read.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "login.hpp"

namespace zws::tool {

struct Load {
  Login login;  // all clients come with its token, if it has one
  std::string publish = "tcp://127.0.0.1:5556";

  // Client c follows topic c modulo topics; with more topics than clients, topic k belongs to client
  // k modulo clients, so that every topic has a subscriber.
  std::uint32_t clients = 1000;
  std::uint32_t topics = 1;
  bool patterns = false;  // each subscription is a pattern that matches its topic alone

  double rate = 0;                // events a second over all topics; 0: as fast as `in_flight` lets
  std::uint32_t burst = 0;        // events due at one instant; 0: what falls due in 200 us
  std::uint32_t in_flight = 256;  // events on their way to a client, on average, at most
  std::size_t size = 200;         // bytes of one payload

  double warmup = 1;    // seconds of the same traffic before anything is measured
  double seconds = 10;  // measured traffic
  double rest = 0;      // quiet seconds after connecting, in which memory and idle CPU are read
  std::uint32_t connecting = 128;  // handshakes in progress at a time

  std::uint32_t stopped = 0;  // clients that stop reading for `stop_seconds`
  double stop_seconds = 30;

  std::uint32_t witnesses = 100;  // clients that stay while all others leave and come back
  double away = 1;                // seconds without the others
  double within = 5;              // seconds in which they come back, evenly

  std::vector<pid_t> pids;  // the server's processes
  bool json = false;
};

}  // namespace zws::tool
