// The websocketpp configuration of our connections: our transport, no locks, no logs, small buffers,
// a strict request head and answers that say what is wrong.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <list>
#include <memory>
#include <queue>
#include <string>
#include <websocketpp/concurrency/none.hpp>
#include <websocketpp/config/core.hpp>
#include <websocketpp/logger/stub.hpp>
#include <websocketpp/server.hpp>

#include "core/http.hpp"
#include "port/http_head.hpp"
#include "port/http_places.hpp"
#include "port/transport.hpp"

namespace zws {

// Checks the whole head before the lenient parser sees any of it. It is ready when the head is: a body
// is nothing for websocketpp, whoever judges the head takes it (Errands).
class StrictRequest : public websocketpp::http::parser::request {
 public:
  std::size_t consume(const char* bytes, std::size_t size) {
    if (head_done_) return 0;
    std::string& text = reading_->head;
    const std::size_t before = text.size();
    text.append(bytes, size);
    const std::size_t end = text.find("\r\n\r\n", before < 3 ? 0 : before - 3);
    const bool complete = end != std::string::npos;
    const std::string_view head = std::string_view(text).substr(0, complete ? end + 4 : end);
    const int fault = complete ? head_fault(head) : partial_head_fault(head);
    if (fault != 0) refuse(fault);
    if (!complete) {
      hold(text.size() / held_step - before / held_step);
      return size;
    }
    head_done_ = true;
    std::string all = std::exchange(text, {});
    parse(all);
    if (get_header("Host").empty() && get_version() != "HTTP/1.0") refuse(400);
    take_target();
    upgrade_ = names_token(get_header("Upgrade"), "websocket") &&
               names_token(get_header("Connection"), "upgrade");
    // Drafts would get a processor of their own, with rules of their own.
    if (upgrade_ && get_header("Sec-WebSocket-Version") != "13") refuse(426);
    reading_->body_bytes = std::strtoull(get_header("Content-Length").c_str(), nullptr, 10);
    if (upgrade_) return end + 4 - before;
    reading_->body = all.substr(end + 4, reading_->body_bytes);
    return size;
  }

  bool ready() const noexcept { return head_done_; }

  // Whether the head, which is complete, asks for a WebSocket of version 13.
  bool is_upgrade() const noexcept { return upgrade_; }

  // Of a plain request: how long its body is by its own word, and what came of it behind the head.
  std::size_t body_bytes() const noexcept { return reading_->body_bytes; }
  std::string take_body() noexcept { return std::exchange(reading_->body, {}); }

  // Null: nobody counts.
  HttpPlace* place() const noexcept { return reading_->place.get(); }
  void set_place(std::unique_ptr<HttpPlace> place) noexcept { reading_->place = std::move(place); }
  // The number of a plain request in Errands; 0: it is none.
  std::uint64_t errand() const noexcept { return reading_ ? reading_->errand : 0; }
  void set_errand(std::uint64_t number) noexcept { reading_->errand = number; }

  // It was an upgrade, and has told all it had to: what is kept of it would stay for life. Nothing but errand() may
  // be called after that.
  void forget() {
    request::operator=(request());
    reading_.reset();
  }

 private:
  struct Reading {
    std::string head;
    std::string body;
    std::size_t body_bytes = 0;
    std::unique_ptr<HttpPlace> place;
    std::uint64_t errand = 0;
  };

  static constexpr std::size_t held_step = 4096;  // a head shorter than that is not counted

  [[noreturn]] static void refuse(int status) {
    throw websocketpp::http::exception("refused",
                                       static_cast<websocketpp::http::status_code::value>(status));
  }

  void hold(std::size_t steps) {
    if (steps == 0 || !reading_->place) return;
    const HttpCrowd crowd = reading_->place->hold(steps * held_step);
    if (crowd != HttpCrowd::none) refuse(crowd == HttpCrowd::address ? 429 : 503);
  }

  // websocketpp counts the bytes of a head and gives up at 16,000 of them, before our own bound. So
  // the header lines are handed to it past that count.
  void parse(std::string& all) {
    std::size_t begin = all.find("\r\n") + 2;
    request::consume(all.data(), begin);
    for (std::size_t end = 0; (end = all.find("\r\n", begin)) != begin; begin = end + 2)
      process_header(all.begin() + static_cast<std::ptrdiff_t>(begin),
                     all.begin() + static_cast<std::ptrdiff_t>(end));
  }

  // What the target says of the host counts, not the header (RFC 9112, section 3.2.2).
  void take_target() {
    const std::string whole = get_uri();
    const RequestTarget target = target_of(whole);
    if (target.authority.empty()) return;
    set_uri(target.path);
    replace_header("Host", std::string(target.authority));
  }

  std::unique_ptr<Reading> reading_ = std::make_unique<Reading>();
  bool head_done_ = false;
  bool upgrade_ = false;
};

// Every refusal has a JSON body, and every answer but an upgrade says that the connection closes.
class PlainResponse : public websocketpp::http::parser::response {
 public:
  std::string raw() const {
    const int status = static_cast<int>(get_status_code());
    if (status == 101) {
      // Without the stream that response::raw() would make. The connection keeps its response for
      // life; what has been written is dropped.
      std::string upgrade = "HTTP/1.1 101 Switching Protocols\r\n";
      for (const auto& [name, value] : m_headers)
        upgrade.append(name).append(": ").append(value).append("\r\n");
      const_cast<PlainResponse*>(this)->m_headers.clear();
      return upgrade += "\r\n";
    }
    response full = *this;
    const_cast<PlainResponse*>(this)->m_body = {};  // `full` has it; the connection lives on
    full.replace_header("Connection", "close");
    if (status == 426) full.replace_header("Sec-WebSocket-Version", "13");
    if (status >= 400 && get_body().empty() && get_header("Content-Length").empty()) {
      full.replace_header("Content-Type", "application/json");
      full.set_body(
          HttpResponse::error(status, code_of(status),
                              websocketpp::http::status_code::get_string(get_status_code()))
              .body);
    }
    return full.raw();
  }

 private:
  static std::string_view code_of(int status) noexcept {
    if (status == 429 || status == 503) return "limit_exceeded";
    return status >= 500 ? "internal" : "invalid_message";
  }
};

}  // namespace zws

// websocketpp looks through the headers anew, with streams and locales, each time it asks.
namespace websocketpp::processor {

template <>
inline bool is_websocket_handshake(zws::StrictRequest& request) {
  return request.is_upgrade();
}
template <>
inline int get_websocket_version(zws::StrictRequest& request) {
  return request.is_upgrade() ? 13 : -1;
}

}  // namespace websocketpp::processor

namespace zws {

struct TransportEndpoint {
  using transport_con_type = Transport;
  using transport_con_ptr = Transport::ptr;
  template <typename Access, typename Errors>
  void init_logging(const Access&, const Errors&) {}
  websocketpp::lib::error_code init(const transport_con_ptr&) { return {}; }
  bool is_secure() const { return false; }
};

// A message reserves what arrives, not what its header announces.
template <typename Message>
class MessageManager : public std::enable_shared_from_this<MessageManager<Message>> {
 public:
  using ptr = std::shared_ptr<MessageManager>;
  using weak_ptr = std::weak_ptr<MessageManager>;
  using message_ptr = std::shared_ptr<Message>;

  message_ptr get_message() { return std::make_shared<Message>(this->shared_from_this()); }
  message_ptr get_message(websocketpp::frame::opcode::value opcode, std::size_t bytes) {
    constexpr std::size_t reserved_max = 4096;
    return std::make_shared<Message>(this->shared_from_this(), opcode,
                                     std::min(bytes, reserved_max));
  }
  bool recycle(Message*) { return false; }
};

// One manager for all connections of a lane: it has no state.
template <typename Manager>
class SharedManager {
 public:
  using con_msg_man_ptr = typename Manager::ptr;

  con_msg_man_ptr get_manager() const { return manager_; }

 private:
  con_msg_man_ptr manager_ = std::make_shared<Manager>();
};

struct ConnectionConfig : websocketpp::config::core {
  using type = ConnectionConfig;
  using concurrency_type = websocketpp::concurrency::none;
  using request_type = StrictRequest;
  using response_type = PlainResponse;
  using message_type = websocketpp::message_buffer::message<MessageManager>;
  using con_msg_manager_type = MessageManager<message_type>;
  using endpoint_msg_manager_type = SharedManager<con_msg_manager_type>;
  using alog_type = websocketpp::log::stub;
  using elog_type = websocketpp::log::stub;
  using rng_type = websocketpp::random::none::int_generator<std::uint32_t>;
  using transport_type = TransportEndpoint;

  struct permessage_deflate_config {
    using request_type = StrictRequest;
    static const bool allow_disabling_context_takeover = true;
    static const std::uint8_t minimum_outgoing_window_bits = 8;
  };
  using permessage_deflate_type =
      websocketpp::extensions::permessage_deflate::disabled<permessage_deflate_config>;

  static const bool enable_multithreading = false;
  static const long timeout_open_handshake = 0;   // ours: limits.handshake_timeout
  static const long timeout_close_handshake = 0;  // ours: Session
  static const std::size_t connection_read_buffer_size = 256;
  static const bool drop_on_protocol_error = false;
  static const bool enable_extensions = false;
};

}  // namespace zws

// A connection queues what it sends for no longer than the call: our transport takes all at once. A deque would keep
// 600 bytes for that for life, a list keeps none.
namespace std {

template <>
class queue<zws::ConnectionConfig::message_type::ptr>
    : public queue<zws::ConnectionConfig::message_type::ptr,
                   list<zws::ConnectionConfig::message_type::ptr>> {};

}  // namespace std

// It composes each line of its log before it asks whether there is one.
namespace websocketpp {

template <>
inline void connection<zws::ConnectionConfig>::log_open_result() {}
template <>
inline void connection<zws::ConnectionConfig>::log_close_result() {}
template <>
inline void connection<zws::ConnectionConfig>::log_fail_result() {}
template <>
inline void connection<zws::ConnectionConfig>::log_http_result() {}

}  // namespace websocketpp

namespace zws {

// websocketpp's parser, past which all bytes of frames go: the session hears what comes before a message is
// whole.
class MeteredProcessor final : public websocketpp::processor::hybi13<ConnectionConfig> {
 public:
  using Base = websocketpp::processor::hybi13<ConnectionConfig>;
  template <typename... Parts>
  explicit MeteredProcessor(Session& session, Parts&&... parts)
      : Base(std::forward<Parts>(parts)...), session_(session) {}

  std::size_t consume(std::uint8_t* bytes, std::size_t size,
                      websocketpp::lib::error_code& fault) override {
    const std::size_t taken = Base::consume(bytes, size, fault);
    session_.on_bytes({reinterpret_cast<const char*>(bytes), taken});
    return taken;
  }

 private:
  Session& session_;
};

}  // namespace zws

namespace websocketpp {

// Version 13 is the only one that StrictRequest lets through.
template <>
inline connection<zws::ConnectionConfig>::processor_ptr
connection<zws::ConnectionConfig>::get_processor(int) const {
  auto made = std::make_shared<zws::MeteredProcessor>(const_cast<connection*>(this)->session(),
                                                      transport_con_type::is_secure(), m_is_server,
                                                      m_msg_manager, lib::ref(m_rng));
  made->set_max_message_size(m_max_message_size);
  return made;
}

}  // namespace websocketpp

namespace zws {

using Endpoint = websocketpp::server<ConnectionConfig>;
using Connection = Endpoint::connection_type;

// websocketpp shows the request only as a constant.
inline StrictRequest& head_of(Connection& connection) {
  return const_cast<StrictRequest&>(connection.get_request());
}

// The request as its handlers see it: method, path, query and headers.
HttpRequest request_of(const Connection& connection);

}  // namespace zws
