#include "port/errands.hpp"

#include <algorithm>
#include <asio/post.hpp>
#include <utility>

#include "core/log.hpp"

namespace zws {

// The way back to an errand, for any thread. It names the errand by number and holds nothing of the
// connection, which so begins and ends on its own lane, whoever lets go of the answer last.
class Errands::WayBack {
 public:
  WayBack(Errands& errands, std::uint64_t number)
      : errands_(errands),
        alive_(errands.alive_),
        loop_(*errands.parts_.transport.loop),
        number_(number) {}
  WayBack(const WayBack&) = delete;
  WayBack& operator=(const WayBack&) = delete;
  ~WayBack() {
    try {
      post([](Errands& errands, std::uint64_t number) { errands.give_up(number); });
    } catch (const std::exception& error) {
      log::error("an HTTP request stays without an answer: {}", error.what());
    }
  }

  template <typename Work>
  void post(Work work) const {
    // The lanes' threads have ended before the first server goes.
    if (alive_.expired()) return;
    asio::post(loop_, [&errands = errands_, number = number_, work = std::move(work)]() mutable {
      work(errands, number);
    });
  }

 private:
  Errands& errands_;
  const std::weak_ptr<const char> alive_;
  asio::io_context& loop_;
  const std::uint64_t number_;
};

// The head is judged before anything is taken: whoever answers asks for the body when it is wanted.
void Errands::begin(Connection& its) {
  HttpRequest request = request_of(its);
  request.peer = its.get_remote_endpoint();
  request.address = parts_.access->client_address(request.peer, request);
  StrictRequest& head = head_of(its);
  if (head.place() != nullptr) request.crowd = head.place()->enter(address_key(request.address));
  if (head.body_bytes() == 0) its.handshake_done();
  its.defer_http_response();

  head.set_errand(++last_);
  Errand& errand = errands_[last_];
  errand.connection = std::static_pointer_cast<Connection>(its.get_shared());
  errand.method = request.method;
  errand.wants_continue =
      names_token(request.header("Expect"), "100-continue") && head.get_version() != "HTTP/1.0";
  const auto back = std::make_shared<const WayBack>(*this, last_);
  request.take_body = [back](std::function<void(std::string)> then) {
    back->post([then = std::move(then)](Errands& errands, std::uint64_t number) mutable {
      errands.take_body(number, std::move(then));
    });
  };
  parts_.http->handle(std::move(request), [back](HttpResponse response) {
    back->post([response = std::move(response)](Errands& errands, std::uint64_t number) mutable {
      errands.answer(number, std::move(response));
    });
  });
}

void Errands::take_body(std::uint64_t number, std::function<void(std::string)> then) noexcept try {
  const auto found = errands_.find(number);
  if (found == errands_.end()) return;
  Errand& errand = found->second;
  Connection& its = *errand.connection;
  StrictRequest& head = head_of(its);
  const HttpCrowd crowd =
      head.place() != nullptr ? head.place()->hold(head.body_bytes()) : HttpCrowd::none;
  if (crowd != HttpCrowd::none) return answer(number, HttpResponse::crowded(crowd));
  errand.body = head.take_body();
  errand.then = std::move(then);
  if (errand.wants_continue && errand.body.empty() && head.body_bytes() != 0)
    its.outbox().write("HTTP/1.1 100 Continue\r\n\r\n");
  read_body(number);
} catch (const std::exception& error) {
  log::error("a request's body could not be taken: {}", error.what());
  give_up(number);
}

void Errands::read_body(std::uint64_t number) {
  const auto found = errands_.find(number);
  if (found == errands_.end()) return;
  Errand& errand = found->second;
  Connection& its = *errand.connection;
  const std::size_t whole = head_of(its).body_bytes();
  if (errand.body.size() >= whole) {
    its.handshake_done();
    const auto then = std::exchange(errand.then, nullptr);
    return then(std::move(errand.body));
  }
  its.read_more(incoming_.data(), std::min(incoming_.size(), whole - errand.body.size()),
                [this, number](const websocketpp::lib::error_code& fault, std::size_t size) {
                  const auto its_errand = errands_.find(number);
                  if (its_errand == errands_.end()) return;
                  const Endpoint::connection_ptr connection = its_errand->second.connection;
                  if (fault) return connection->terminate(fault);
                  its_errand->second.body.append(incoming_.data(), size);
                  connection->body_came(its_errand->second.body.size());
                  read_body(number);
                });
}

void Errands::answer(std::uint64_t number, HttpResponse response) noexcept try {
  const auto found = errands_.find(number);
  if (found == errands_.end()) return;
  const Errand errand = std::move(found->second);
  errands_.erase(found);
  Connection& its = *errand.connection;
  its.handshake_done();
  if (its.get_state() == websocketpp::session::state::closed) return;
  HttpPlace* const place = head_of(its).place();
  // Once for websocketpp and once for what waits in the queue.
  const HttpCrowd crowd = place != nullptr && errand.method != "HEAD"
                              ? place->hold_answer(2 * response.body.size())
                              : HttpCrowd::none;
  if (crowd != HttpCrowd::none) response = HttpResponse::crowded(crowd);
  parts_.transport.rules.metrics->count_http_response(static_cast<std::uint16_t>(response.status));
  send(its, errand.method, response);
} catch (const std::exception& error) {
  log::error("an HTTP answer could not be sent: {}", error.what());
}

void Errands::send(Connection& its, const std::string& method, const HttpResponse& response) {
  its.set_status(static_cast<websocketpp::http::status_code::value>(response.status));
  for (const auto& [name, value] : response.headers) its.replace_header(name, value);
  if (!response.content_type.empty() && !(response.body.empty() && response.status == 204))
    its.replace_header("Content-Type", response.content_type);
  if (method == "HEAD" && response.status != 304) {  // which says nothing of a size
    its.replace_header("Content-Length", std::to_string(response.body.size()));
  } else {
    its.set_body(response.body);
  }
  websocketpp::lib::error_code ignored;
  its.send_http_response(ignored);
}

// Whoever was to answer never will.
void Errands::give_up(std::uint64_t number) noexcept {
  if (errands_.find(number) == errands_.end()) return;
  try {
    answer(number, HttpResponse::error(500, "internal", "the bridge could not answer"));
  } catch (const std::exception& error) {
    log::error("a request stays without an answer: {}", error.what());
  }
}

}  // namespace zws
