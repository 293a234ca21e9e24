// raw_fanout: the least a server can do for a fan-out. The limit that a bridge is measured against.
//
// One thread: libzmq SUB (its I/O thread beside it), epoll, send(). Each event is encoded once. There
// are no heartbeats, limits, rights, history or metrics: a floor, not a product. It answers
// `zws bench` and speaks no more of the protocol than that needs.
//
//   --mode each    one send() per event and client
//   --mode joined  all that one drain (up to 256 events) brings for a client in one send()
//
// --skip-every, --double-every and --swap-every spoil every Nth delivery (mode each), to show that
// the load generator notices.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace {

struct Options {
  std::uint16_t port = 8100;
  std::string ingest = "tcp://127.0.0.1:5557";
  std::string mode = "joined";
  bool envelope = false;
  std::uint64_t skip_every = 0;
  std::uint64_t double_every = 0;
  std::uint64_t swap_every = 0;
};

struct Client {
  int fd = -1;
  bool upgraded = false;
  std::uint32_t topics = 0;  // how many it follows
  bool touched = false;      // has something in `joined`
  std::string in;            // handshake, or a frame cut off
  std::string unsent;        // what the kernel had no room for
  std::string joined;        // this drain's frames, for a client with several topics
};

struct Topic {
  std::string name;
  std::vector<Client*> followers;
  std::uint64_t seq = 0;
  std::string joined;  // this drain's frames
};

[[noreturn]] void die(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

std::string text_frame(std::string_view body) {
  std::string frame(1, '\x81');
  if (body.size() < 126) {
    frame += static_cast<char>(body.size());
  } else if (body.size() < 65536) {
    frame += {126, static_cast<char>(body.size() >> 8), static_cast<char>(body.size())};
  } else {
    frame += 127;
    for (int shift = 56; shift >= 0; shift -= 8) frame += static_cast<char>(body.size() >> shift);
  }
  return frame.append(body);
}

std::string accept_of(const std::string& key) {
  const std::string text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
  std::array<unsigned char, 64> base64{};
  EVP_EncodeBlock(base64.data(), digest.data(), static_cast<int>(size));
  return reinterpret_cast<const char*>(base64.data());
}

class Server {
 public:
  explicit Server(const Options& options)
      : options_(options),
        joins_(options.mode == "joined"),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    listen();
    subscribe();
  }

  void run(const volatile std::sig_atomic_t& stop) {
    std::array<epoll_event, 512> ready{};
    while (!stop) {
      const int timeout = drain() ? 0 : -1;
      const int count = ::epoll_wait(epoll_, ready.data(), static_cast<int>(ready.size()), timeout);
      for (int i = 0; i < count; ++i) serve(ready[static_cast<std::size_t>(i)]);
    }
  }

 private:
  void listen() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(options_.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_, 4096) != 0) {
      die("127.0.0.1:" + std::to_string(options_.port));
    }
    socklen_t size = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    watch(listener_, &listener_, EPOLLIN, EPOLL_CTL_ADD);
  }

  void subscribe() {
    sub_ = ::zmq_socket(::zmq_ctx_new(), ZMQ_SUB);
    const int hwm = 10'000;
    ::zmq_setsockopt(sub_, ZMQ_RCVHWM, &hwm, sizeof hwm);
    ::zmq_setsockopt(sub_, ZMQ_SUBSCRIBE, "", 0);
    if (::zmq_bind(sub_, options_.ingest.c_str()) != 0) die(options_.ingest);
    std::array<char, 256> endpoint{};
    std::size_t size = endpoint.size();
    ::zmq_getsockopt(sub_, ZMQ_LAST_ENDPOINT, endpoint.data(), &size);
    int fd = -1;
    size = sizeof fd;
    ::zmq_getsockopt(sub_, ZMQ_FD, &fd, &size);
    watch(fd, &sub_, EPOLLIN, EPOLL_CTL_ADD);
    ::zmq_msg_init(&topic_part_);
    ::zmq_msg_init(&payload_part_);
    std::cout << "listening ws://127.0.0.1:" << port_ << "/ " << endpoint.data() << std::endl;
  }

  void watch(int fd, void* what, std::uint32_t events, int operation) const {
    epoll_event wanted{};
    wanted.events = events;
    wanted.data.ptr = what;
    ::epoll_ctl(epoll_, operation, fd, &wanted);
  }

  void serve(const epoll_event& event) {
    if (event.data.ptr == &listener_) {
      accept();
    } else if (event.data.ptr != &sub_) {
      auto* client = static_cast<Client*>(event.data.ptr);
      if ((event.events & EPOLLOUT) != 0) flush(*client);
      if ((event.events & ~EPOLLOUT) != 0) read(*client);
    }
  }

  void accept() {
    while (true) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      auto* client = new Client;
      client->fd = fd;
      watch(fd, client, EPOLLIN, EPOLL_CTL_ADD);
    }
  }

  void read(Client& client) {
    const ssize_t got = ::recv(client.fd, buffer_.data(), buffer_.size(), 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
      forget(&client);
      return;
    }
    client.in.append(buffer_.data(), static_cast<std::size_t>(got));
    if (!client.upgraded && !upgrade(client)) return;
    while (take_frame(client)) {
    }
    if (client.in.empty()) client.in.shrink_to_fit();
  }

  bool upgrade(Client& client) {
    const std::size_t head = client.in.find("\r\n\r\n");
    if (head == std::string::npos) return false;
    constexpr std::string_view name = "Sec-WebSocket-Key: ";
    const std::size_t key = client.in.find(name);
    if (key == std::string::npos) return false;
    const std::size_t from = key + name.size();
    const std::string accept = accept_of(client.in.substr(from, client.in.find('\r', from) - from));
    send(client,
         "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Accept: " +
             accept + "\r\n\r\n");
    client.in.erase(0, head + 4);
    client.upgraded = true;
    return true;
  }

  // Clients send short masked text frames; anything but a subscribe is ignored.
  bool take_frame(Client& client) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(client.in.data());
    if (client.in.size() < 2) return false;
    std::size_t length = bytes[1] & 0x7F;
    std::size_t head = 2;
    if (length == 126) {
      if (client.in.size() < 4) return false;
      length = static_cast<std::size_t>(bytes[2]) << 8 | bytes[3];
      head = 4;
    }
    if (client.in.size() < head + 4 + length) return false;
    std::string body = client.in.substr(head + 4, length);
    for (std::size_t i = 0; i < length; ++i)
      body[i] = static_cast<char>(body[i] ^ bytes[head + i % 4]);
    const bool text = (bytes[0] & 0x0F) == 1;
    client.in.erase(0, head + 4 + length);
    if (text) request(client, body);
    return true;
  }

  void request(Client& client, const std::string& body) {
    const auto json = nlohmann::json::parse(body, nullptr, false);
    if (!json.is_object() || json.value("type", "") != "subscribe") return;
    std::string answers;
    const auto follow = [&](const std::string& name) {
      const bool pattern = name.find('*') != std::string::npos;
      const bool resume = json.contains("since");
      if (!pattern) {
        topic(name).followers.push_back(&client);
        ++client.topics;
      }
      nlohmann::ordered_json answer{{"type", "subscribed"}, {"topic", name}, {"success", !pattern}};
      if (resume) answer["recovered"] = false;
      answers += text_frame(answer.dump());
    };
    if (json.contains("topic")) follow(json["topic"].get<std::string>());
    if (json.contains("topics")) {
      for (const auto& name : json["topics"]) follow(name.get<std::string>());
    }
    send(client, answers);
  }

  Topic& topic(const std::string& name) {
    Topic& found = topics_[name];
    if (found.name.empty()) found.name = name;
    return found;
  }

  // Takes up to 256 events and hands them on. True: there may be more.
  bool drain() {
    int taken = 0;
    for (; taken < 256; ++taken) {
      if (::zmq_msg_recv(&topic_part_, sub_, ZMQ_DONTWAIT) < 0) break;
      ::zmq_msg_recv(&payload_part_, sub_, 0);
      name_.assign(static_cast<const char*>(::zmq_msg_data(&topic_part_)),
                   ::zmq_msg_size(&topic_part_));
      const auto found = topics_.find(name_);
      if (found == topics_.end()) continue;
      const std::string frame = encode(found->second);
      if (joins_) {
        if (found->second.joined.empty()) due_.push_back(&found->second);
        found->second.joined += frame;
      } else {
        for (Client* client : found->second.followers) deliver(*client, frame);
      }
    }
    hand_out();
    return taken == 256;  // else ZeroMQ said that there are none, and its descriptor will tell
  }

  std::string encode(Topic& topic) {
    const std::string_view payload(static_cast<const char*>(::zmq_msg_data(&payload_part_)),
                                   ::zmq_msg_size(&payload_part_));
    if (!options_.envelope) return text_frame(payload);
    // The members a bridge adds, of the same length as its own.
    std::string body(payload.substr(0, payload.size() - 1));
    body += ",\"topic\":\"" + topic.name +
            "\",\"@id\":\"rawfanout0:" + std::to_string(++topic.seq) + "\"}";
    return text_frame(body);
  }

  void deliver(Client& client, const std::string& frame) {
    ++deliveries_;
    const auto due = [this](std::uint64_t every) { return every != 0 && deliveries_ % every == 0; };
    if (due(options_.skip_every)) return;
    if (due(options_.swap_every) && client.joined.empty()) {
      client.joined = frame;  // leaves behind the next one
      return;
    }
    send(client, frame);
    if (due(options_.double_every)) send(client, frame);
    if (!client.joined.empty()) {
      send(client, client.joined);
      client.joined.clear();
    }
  }

  void hand_out() {
    for (Topic* topic : due_) {
      for (Client* client : topic->followers) {
        if (client->topics == 1) {
          send(*client, topic->joined);
          continue;
        }
        if (!client->touched) several_.push_back(client);
        client->touched = true;
        client->joined += topic->joined;
      }
      topic->joined.clear();
    }
    due_.clear();
    for (Client* client : several_) {
      send(*client, client->joined);
      client->joined.clear();
      client->touched = false;
    }
    several_.clear();
  }

  // A broken connection shows itself to the next read.
  void send(Client& client, const std::string& bytes) {
    if (!client.unsent.empty()) {
      client.unsent += bytes;
      return;
    }
    const ssize_t sent = ::send(client.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    const std::size_t done = sent < 0 ? 0 : static_cast<std::size_t>(sent);
    if (done == bytes.size()) return;
    client.unsent.assign(bytes, done);
    watch(client.fd, &client, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
  }

  void flush(Client& client) {
    const ssize_t sent =
        ::send(client.fd, client.unsent.data(), client.unsent.size(), MSG_NOSIGNAL);
    if (sent > 0) client.unsent.erase(0, static_cast<std::size_t>(sent));
    if (!client.unsent.empty()) return;
    client.unsent.shrink_to_fit();
    watch(client.fd, &client, EPOLLIN, EPOLL_CTL_MOD);
  }

  void forget(Client* client) {
    ::close(client->fd);
    // Looks through all topics: nothing measured here depends on how fast a client leaves.
    for (auto& [name, topic] : topics_) {
      auto& all = topic.followers;
      all.erase(std::remove(all.begin(), all.end(), client), all.end());
    }
    delete client;
  }

  const Options options_;
  const bool joins_;
  int epoll_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  void* sub_ = nullptr;
  zmq_msg_t topic_part_{};
  zmq_msg_t payload_part_{};
  std::array<char, 65536> buffer_;
  std::string name_;
  std::unordered_map<std::string, Topic> topics_;
  std::vector<Topic*> due_;       // topics with events in this drain
  std::vector<Client*> several_;  // clients of more than one topic with events in it
  std::uint64_t deliveries_ = 0;
};

volatile std::sig_atomic_t stop_wanted = 0;

}  // namespace

int main(int argc, char** argv) try {
  Options options;
  CLI::App app{"The bare fan-out loop: the limit a bridge is measured against."};
  app.add_option("--port", options.port, "WebSocket port on 127.0.0.1; 0 is any");
  app.add_option("--ingest", options.ingest, "ZeroMQ endpoint to bind");
  app.add_option("--mode", options.mode)->check(CLI::IsMember({"each", "joined"}));
  app.add_flag("--envelope", options.envelope, "add the members that a bridge adds to an event");
  app.add_option("--skip-every", options.skip_every)->group("");
  app.add_option("--double-every", options.double_every)->group("");
  app.add_option("--swap-every", options.swap_every)->group("");
  CLI11_PARSE(app, argc, argv);

  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  struct sigaction action {};
  action.sa_handler = [](int) { stop_wanted = 1; };
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGINT, &action, nullptr);
  Server(options).run(stop_wanted);
  return 0;
} catch (const std::exception& error) {
  std::cerr << "raw_fanout: " << error.what() << '\n';
  return 1;
}
