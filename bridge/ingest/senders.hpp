// Senders: over which connection each message came, by Peers' number; and when all has been taken that came
// over one that has ended.
//
// libzmq gives each message the properties of its connection, the descriptor among them. Descriptors are used
// again at once, while messages of the one before still wait. But each connection's properties are an object
// of its own, which lives as long as the connection or a message of it does: so the address of a text in it
// tells connections apart, and what the text says is looked up once for each connection. Of each connection
// one message is kept until its end has been told: else the next one's properties could lie where its were.
// It is the first of 8 KiB at most. Of a connection over which only larger ones come, none is kept: the next
// one's first messages may be taken for its, until its end has been told.
//
// Thread: the source's. Bound: the connections over which something came; of each a message, which may keep
// the 18 KiB that libzmq has for what it reads at once (8 KiB), and for counting who still holds some of it.
// Cost: of of(), one look-up by libzmq (some 40 ns), and one here where producers take turns.
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>
#include <zmq.hpp>

#include "core/sink.hpp"

namespace zws {

class Senders {
 public:
  // The number of the connection that has this descriptor now; 0 if there is none.
  using Find = std::function<std::uint64_t(int descriptor)>;
  Senders(Sink& sink, Find find) : sink_(sink), find_(std::move(find)) {}

  // Arrival::connection of a message; the sink knows it when this returns.
  std::uint64_t of(zmq::message_t& message) { return of(property(message), &message); }

  // The same; `descriptor` is what property() has given, of a message that is kept if it is given, too.
  std::uint64_t of(const char* descriptor, zmq::message_t* message = nullptr);

  // libzmq's text of the message's descriptor, or nullptr; the same text of each message of a connection.
  static const char* property(const zmq::message_t& message) noexcept;

  // It has ended, and messages of it may wait to be taken.
  void ended(std::uint64_t number);
  // Nothing waits any more. The sink is told of those that had ended.
  void nothing_waits();
  // To be called ten times a second: so much has come that nothing of those that ended a second ago waits.
  void note_look();
  // The socket is gone, and so is what waited.
  void all_ended();

 private:
  struct Known {
    std::uint64_t number;
    bool keeps;
    zmq::message_t kept;
  };

  Known* meet(const char* descriptor);

  Sink& sink_;
  const Find find_;
  std::unordered_map<const char*, Known> known_;
  std::unordered_multimap<std::uint64_t, const char*> texts_;  // the other way round
  const char* last_ = nullptr;                                 // asked for
  std::uint64_t last_number_ = Arrival::no_connection;
  std::vector<std::uint64_t> ended_;
  unsigned looks_ = 0;  // since the first of them
};

}  // namespace zws
