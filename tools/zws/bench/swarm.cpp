#include "bench/swarm.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>

#include "bench/payload.hpp"

namespace zws::tool {
namespace {

// Room for everything one read may bring of many joined frames, and for the largest frame twice.
std::size_t buffer_size(const Load& load) {
  return std::max<std::size_t>(256 * 1024, 2 * load.size + 4096);
}

// The topics of one subscribe message: a bridge takes 64 KiB from a client.
constexpr std::size_t topics_a_message = 500;

}  // namespace

std::int64_t monotonic_ns() noexcept {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

Swarm::Swarm(const Load& load, const Target& target, const BenchTopics& topics, Window& window,
             std::int64_t origin_ns)
    : load_(load),
      target_(target),
      topics_(topics),
      window_(window),
      origin_ns_(origin_ns),
      one_each_(topics.one_each()),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      buffer_(buffer_size(load)),
      ready_(1024),
      clients_(load.clients),
      followers_(topics.followers()) {
  if (epoll_ < 0) throw Failure(Exit::failed, std::string("epoll: ") + std::strerror(errno));
  for (std::uint32_t id = 0; id < clients_.size(); ++id) {
    clients_[id].topic = topics.first_topic(id);
  }
}

Swarm::~Swarm() {
  for (Client& client : clients_) {
    if (client.fd >= 0) ::close(client.fd);
  }
  ::close(epoll_);
}

std::int64_t Swarm::now() const noexcept { return monotonic_ns() - origin_ns_; }

void Swarm::open(std::uint32_t id) {
  Client& client = clients_[id];
  client.opened_ns = now();
  client.fd = target_.connect(id);
  ++counts_.in_progress;
  if (client.fd < 0) {
    fail(id, Exit::cannot_connect, std::string("connect: ") + std::strerror(errno));
    return;
  }
  client.state = State::connecting;
  client.writing = true;
  watch(id, EPOLL_CTL_ADD);
}

void Swarm::drop(std::uint32_t id) {
  if (clients_[id].state != State::live) return;
  --counts_.live;
  hang_up(clients_[id]);
}

void Swarm::set_reading(std::uint32_t id, bool on) {
  clients_[id].reading = on;
  // Not watched at all: a hang-up is reported even when nothing is asked for.
  if (clients_[id].fd >= 0) watch(id, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL);
}

void Swarm::watch(std::uint32_t id, int operation) {
  const Client& client = clients_[id];
  epoll_event wanted{};
  wanted.data.u32 = id;
  wanted.events = client.writing ? EPOLLIN | EPOLLOUT : EPOLLIN;
  ::epoll_ctl(epoll_, operation, client.fd, &wanted);
}

void Swarm::turn(int timeout_ms) {
  const int count =
      ::epoll_wait(epoll_, ready_.data(), static_cast<int>(ready_.size()), timeout_ms);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = ready_[static_cast<std::size_t>(i)];
    const std::uint32_t id = event.data.u32;
    if ((event.events & EPOLLOUT) != 0) write(id);
    const bool readable = (event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0;
    if (readable && clients_[id].fd >= 0) read(id);
  }
  window_.settle();
}

void Swarm::write(std::uint32_t id) {
  Client& client = clients_[id];
  if (client.state == State::connecting) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(client.fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
      fail(id, Exit::cannot_connect, std::string("connect: ") + std::strerror(error));
      return;
    }
    client.state = State::upgrading;
    client.out = target_.request();
  }
  const ssize_t sent = ::send(client.fd, client.out.data(), client.out.size(), MSG_NOSIGNAL);
  if (sent > 0) client.out.erase(0, static_cast<std::size_t>(sent));
  // A broken connection shows itself to the next read.
  const bool more = !client.out.empty();
  if (more == client.writing) return;
  client.writing = more;
  watch(id, EPOLL_CTL_MOD);
}

void Swarm::read(std::uint32_t id) {
  Client& client = clients_[id];
  char* const buffer = buffer_.data();
  const std::size_t kept = client.rest.size();
  std::memcpy(buffer, client.rest.data(), kept);
  const ssize_t got = ::recv(client.fd, buffer + kept, buffer_.size() - kept, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    lost(id, 1006);
    return;
  }
  const std::int64_t now_ns = now();
  const char* at = buffer;
  const char* const end = buffer + kept + got;
  if (client.state == State::live) ++counts_.reads;
  if (client.state == State::upgrading && !upgraded(id, at, end)) return;
  Frame frame;
  FrameResult result;
  while ((result = next_frame(at, end, frame)) == FrameResult::whole) {
    if (Payload::is(frame.body)) {
      event(id, client, frame.body, now_ns);
    } else if (!other(id, frame)) {
      return;
    }
  }
  if (result == FrameResult::broken || static_cast<std::size_t>(end - at) == buffer_.size()) {
    lost(id, 1002);
    return;
  }
  client.rest.assign(at, end);
}

void Swarm::event(std::uint32_t id, Client& client, std::string_view body,
                  std::int64_t now_ns) noexcept {
  const Stamp stamp = Payload::read(body);
  const bool own = one_each_
                       ? stamp.topic == client.topic
                       : stamp.topic < topics_.count() && topics_.client_of(stamp.topic) == id;
  if (!own) {
    ++counts_.stray;
    return;
  }
  Follower& follower = followers_[one_each_ ? id : stamp.topic];
  const std::uint32_t before = follower.next;
  tally(client.group).event(follower, stamp.number, now_ns - stamp.due_ns, body.size());
  window_.arrived(follower.next - before);
  if (!positions_) return;
  // The bridge puts `"@id":"SRC:SEQ"}` at the very end.
  const std::size_t quote = body.rfind('"', body.size() - 3);
  constexpr std::string_view name = "\"@id\":";
  if (quote >= name.size() && body.substr(quote - name.size(), name.size()) == name) {
    client.position.assign(1, '[').append(body, quote, body.size() - 1 - quote) += ']';
  }
}

// Takes the answer to the upgrade off the front; false: not all of it is there, or it was a refusal.
bool Swarm::upgraded(std::uint32_t id, const char*& at, const char* end) {
  Client& client = clients_[id];
  const std::string_view text(at, static_cast<std::size_t>(end - at));
  const std::size_t head = text.find("\r\n\r\n");
  if (head == std::string_view::npos) {
    if (text.size() > 16384) {
      fail(id, Exit::failed, "upgrade: endless headers");
    } else {
      client.rest = text;
    }
    return false;
  }
  const std::string status(text.substr(0, text.find("\r\n")));
  const bool switched = status.rfind("HTTP/1.1 101", 0) == 0;
  if (!switched || text.substr(0, head).find(Target::accept) == std::string_view::npos) {
    const bool denied = status.find(" 401") == 8 || status.find(" 403") == 8;
    fail(id, denied ? Exit::denied : Exit::cannot_connect, "upgrade: " + status);
    return false;
  }
  at += head + 4;
  client.state = State::subscribing;
  subscribe(id);
  return true;
}

void Swarm::subscribe(std::uint32_t id) {
  Client& client = clients_[id];
  const std::vector<std::uint32_t> topics = topics_.topics_of(id);
  client.awaiting = static_cast<std::uint32_t>(topics.size());
  if (!client.position.empty()) {
    append_frame(client.out, Frame::text,
                 R"({"type":"subscribe","topic":")" + topics_.subscription(topics.front()) +
                     R"(","since":)" + client.position + "}");
  } else {
    for (std::size_t i = 0; i < topics.size(); i += topics_a_message) {
      std::string list;
      for (std::size_t k = i; k < std::min(i + topics_a_message, topics.size()); ++k) {
        list += (list.empty() ? "\"" : ",\"") + topics_.subscription(topics[k]) + '"';
      }
      append_frame(client.out, Frame::text, R"({"type":"subscribe","topics":[)" + list + "]}");
    }
  }
  write(id);
}

// Takes a frame that is no event; false: the client is gone.
bool Swarm::other(std::uint32_t id, const Frame& frame) {
  Client& client = clients_[id];
  switch (frame.kind) {
    case Frame::text: message(id, frame.body); return client.fd >= 0;
    case Frame::ping:
      append_frame(client.out, Frame::pong, frame.body);
      write(id);
      return true;
    case Frame::close: {
      const auto* code = reinterpret_cast<const unsigned char*>(frame.body.data());
      lost(id, frame.body.size() < 2 ? 1005 : code[0] << 8 | code[1]);
      return false;
    }
    default: return true;
  }
}

void Swarm::message(std::uint32_t id, std::string_view body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  const std::string type = json.is_object() ? json.value("type", "") : "";
  if (type == "subscribed") {
    subscribed(id, std::string(body));
  } else if (type == "gap") {
    counts_.told_missing += json.value("missed", std::uint64_t{0});
  } else if (type == "error") {
    ++counts_.errors;
    if (clients_[id].state == State::subscribing) {
      fail(id, Exit::failed, "subscribe: " + std::string(body));
    }
  }
}

void Swarm::subscribed(std::uint32_t id, const std::string& text) {
  Client& client = clients_[id];
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.value("success", false)) {
    const std::string code = json.value("code", "");
    const bool denied = code == "forbidden" || code == "unauthorized";
    fail(id, denied ? Exit::denied : Exit::failed, "subscribe: " + text);
    return;
  }
  if (json.contains("recovered")) {
    ++(json.value("recovered", false) ? counts_.recovered : counts_.not_recovered);
    followers_[id].replaying = json.value("replayed", 0U);
  }
  if (positions_ && client.position.empty() && json.contains("at")) {
    client.position = json["at"].dump();
  }
  if (client.awaiting == 0 || --client.awaiting != 0) return;
  client.state = State::live;
  --counts_.in_progress;
  ++counts_.live;
  join_time_.record(now() - client.opened_ns);
}

void Swarm::hang_up(Client& client) {
  if (client.fd >= 0) ::close(client.fd);
  client.fd = -1;
  client.state = State::absent;
  client.writing = false;
  client.reading = true;
  client.rest.clear();
  client.out.clear();
}

void Swarm::fail(std::uint32_t id, Exit exit, const std::string& reason) {
  if (first_failure_.reason.empty()) first_failure_ = {exit, reason};
  ++counts_.failed;
  --counts_.in_progress;
  hang_up(clients_[id]);
}

// The server ended a connection.
void Swarm::lost(std::uint32_t id, int code) {
  Client& client = clients_[id];
  if (client.state != State::live) {
    fail(id, code == 4401 ? Exit::denied : Exit::cannot_connect,
         "closed by the server before it was subscribed, code " + std::to_string(code));
    return;
  }
  --counts_.live;
  ++counts_.closed[code];
  hang_up(client);
}

bool Swarm::caught_up(const std::vector<std::uint32_t>& sent) const noexcept {
  for (std::uint32_t f = 0; f < followers_.size(); ++f) {
    const Client& client = clients_[topics_.client_of(f)];
    const bool counts = client.state == State::live && client.reading;
    if (counts && followers_[f].next < sent[topics_.topic_of(f)]) return false;
  }
  return true;
}

void Swarm::end(const std::vector<std::uint32_t>& sent) noexcept {
  for (std::uint32_t f = 0; f < followers_.size(); ++f) {
    const Client& client = clients_[topics_.client_of(f)];
    if (client.reading) tally(client.group).end(followers_[f], sent[topics_.topic_of(f)]);
  }
}

}  // namespace zws::tool
