#include "ingest/gatekeeper.hpp"

#include <array>
#include <utility>

#include "ingest/zmq_options.hpp"

namespace zws {
namespace {

constexpr const char* asked_at = "inproc://zeromq.zap.01";

// The frames of a question, in their order.
enum Frame : std::size_t { version, request, domain, address, routing_id, mechanism, key, frames };

using Question = std::array<zmq::message_t, frames>;

// Takes one whole question; false if it is none of CURVE, which libzmq never sends.
bool receive(zmq::socket_t& socket, Question& question) {
  std::size_t count = 0;
  zmq::message_t frame;
  do {
    if (!socket.recv(frame)) return false;
    if (count < frames) question[count] = std::move(frame);
    ++count;
  } while (socket.get(zmq::sockopt::rcvmore) != 0);
  return count == frames && question[mechanism].to_string_view() == "CURVE" &&
         question[key].size() == curve_key_bytes;
}

std::string z85(const zmq::message_t& bytes) {
  std::array<char, curve_key_letters + 1> text{};
  zmq_z85_encode(text.data(), static_cast<const std::uint8_t*>(bytes.data()), curve_key_bytes);
  return text.data();
}

void reply(zmq::socket_t& socket, const Question& question, bool yes) {
  const std::array<std::string, 6> answer{
      "1.0", question[request].to_string(), yes ? "200" : "400", yes ? "" : "unlisted key", "", ""};
  for (std::size_t i = 0; i < answer.size(); ++i)
    socket.send(zmq::buffer(answer[i]),
                i + 1 < answer.size() ? zmq::send_flags::sndmore : zmq::send_flags::none);
}

}  // namespace

Gatekeeper::Gatekeeper(zmq::context_t& context, CurveKeys keys)
    : socket_(context, zmq::socket_type::rep), keys_(std::move(keys)) {
  socket_.set(zmq::sockopt::linger, 0);
  socket_.bind(asked_at);
}

void Gatekeeper::start() {
  thread_ = std::thread([this] { run(); });
}

void Gatekeeper::join() {
  if (!thread_.joinable()) return;
  thread_.join();
  socket_.close();
}

bool Gatekeeper::reload(CurveKeys keys) {
  const std::lock_guard<std::mutex> lock(mutex_);
  keys_ = std::move(keys);
  bool shut_out = admitted_unlisted_ && !keys_.everyone;
  for (const std::string& known : admitted_) shut_out = shut_out || !keys_.admits(known);
  if (!shut_out) return false;
  admitted_.clear();
  admitted_unlisted_ = false;
  return true;
}

bool Gatekeeper::admit(const std::string& key, std::string& name) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (keys_.everyone) return admitted_unlisted_ = true;
  const auto found = keys_.allowed.find(key);
  if (found == keys_.allowed.end()) return false;
  admitted_.insert(key);
  name = found->second;
  return true;
}

// --- the thread ----------------------------------------------------------------------------------

void Gatekeeper::run() {
  for (;;) {
    try {
      answer();
    } catch (const zmq::error_t& error) {
      if (error.num() == ETERM) return;
      log::error("checking a producer's key failed: {}", error.what());
    } catch (const std::exception& error) {
      log::error("checking a producer's key failed: {}", error.what());
    }
  }
}

void Gatekeeper::answer() {
  Question question;
  const bool whole = receive(socket_, question);
  const std::string its_key = whole ? z85(question[key]) : std::string();
  const std::string from = log::escaped(question[address].to_string_view());
  std::string name;
  const bool yes = whole && admit(its_key, name);
  std::uint64_t suppressed = 0;
  if (yes && admitted_logs_.pass(suppressed))
    log::info("let in {} from {} by its key {}{}",
              name.empty() ? "a producer" : "the producer " + log::escaped(name), from, its_key,
              log::more(suppressed));
  if (!yes && refused_logs_.pass(suppressed))
    log::warning(
        "refused a producer from {}: its key {} is not in ingest.curve_allowed_keys_file{}", from,
        its_key, log::more(suppressed));
  const bool publishes = question[domain].to_string_view() == ingest_domain;
  if (yes && publishes) ++admissions_;  // before libzmq hears of it
  reply(socket_, question, yes);
}

}  // namespace zws
