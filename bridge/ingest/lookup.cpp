#include "ingest/lookup.hpp"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "ingest/endpoints.hpp"

namespace zws {
namespace {

std::vector<std::string> addresses_of(const TcpEndpoint& endpoint) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (::getaddrinfo(endpoint.host.c_str(), nullptr, &wanted, &list) != 0) return {};
  std::vector<std::string> addresses;
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (::getnameinfo(one->ai_addr, one->ai_addrlen, text.data(), text.size(), nullptr, 0,
                      NI_NUMERICHOST) != 0)
      continue;
    std::string host = text.data();
    if (one->ai_family == AF_INET6) host = '[' + host + ']';
    std::string address = "tcp://" + host + ':' + endpoint.port;
    if (std::find(addresses.begin(), addresses.end(), address) == addresses.end())
      addresses.push_back(std::move(address));
  }
  ::freeaddrinfo(list);
  return addresses;
}

}  // namespace

struct Lookup::Shared {
  std::mutex mutex;
  std::condition_variable woken;
  bool stopping = false;
  std::vector<Answer> answers;

  void give(const std::string& name, std::vector<std::string> addresses) {
    const auto same = std::find_if(answers.begin(), answers.end(),
                                   [&](const Answer& answer) { return answer.name == name; });
    if (same == answers.end())
      answers.push_back({name, std::move(addresses)});
    else
      same->addresses = std::move(addresses);
  }
};

Lookup::Lookup(const std::vector<std::string>& names, std::chrono::milliseconds interval)
    : shared_(std::make_shared<Shared>()) {
  for (const std::string& name : names) {
    std::thread([shared = shared_, name, interval] {
      const TcpEndpoint endpoint = TcpEndpoint::parse(name);
      std::unique_lock<std::mutex> lock(shared->mutex);
      while (!shared->stopping) {
        lock.unlock();
        std::vector<std::string> addresses = addresses_of(endpoint);
        lock.lock();
        shared->give(name, std::move(addresses));
        shared->woken.wait_for(lock, interval, [&] { return shared->stopping; });
      }
    }).detach();
  }
}

Lookup::~Lookup() {
  const std::lock_guard<std::mutex> lock(shared_->mutex);
  shared_->stopping = true;
  shared_->woken.notify_all();
}

std::vector<Lookup::Answer> Lookup::take() {
  const std::lock_guard<std::mutex> lock(shared_->mutex);
  return std::exchange(shared_->answers, {});
}

}  // namespace zws
