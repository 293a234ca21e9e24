#include "relay/name_question.hpp"

#include <asio/post.hpp>
#include <atomic>
#include <mutex>
#include <thread>
#include <utility>

namespace zws {
namespace {

constexpr int asked_max = 8;
std::atomic<int> asked{0};

// One of the places.
struct Place {
  Place() {
    if (asked.fetch_add(1) < asked_max) return;
    asked.fetch_sub(1);
    throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again),
                            "its name is still being looked up");
  }
  ~Place() { asked.fetch_sub(1); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
};

}  // namespace

struct NameQuestion::Shared {
  std::mutex mutex;
  asio::io_context* loop = nullptr;  // null: nobody wants to know any more
  Then then;                         // the loop's
};

void NameQuestion::ask(asio::io_context& loop, const std::string& host, const std::string& port,
                       Then then) {
  drop();
  auto shared = std::make_shared<Shared>();
  shared->loop = &loop;
  shared->then = std::move(then);
  std::thread([shared, place = std::make_shared<Place>(), host, port] {
    asio::io_context own;
    std::error_code fault;
    const Addresses addresses = asio::ip::tcp::resolver(own).resolve(host, port, fault);
    const std::lock_guard lock(shared->mutex);
    if (shared->loop == nullptr) return;
    asio::post(*shared->loop, [shared, fault, addresses] {
      if (const Then wanted = std::exchange(shared->then, nullptr)) wanted(fault, addresses);
    });
  }).detach();
  shared_ =
      std::move(shared);  // at last: who asks in vain, and is held by `then`, does not hold it
}

void NameQuestion::drop() noexcept {
  const std::shared_ptr<Shared> shared = std::exchange(shared_, nullptr);
  if (!shared) return;
  {
    const std::lock_guard lock(shared->mutex);
    shared->loop = nullptr;
  }
  shared->then = nullptr;
}

}  // namespace zws
