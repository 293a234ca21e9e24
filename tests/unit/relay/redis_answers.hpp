// RedisAnswers: what a test sends in place of a RedisLink, and answers itself.
#pragma once

#include <hiredis/hiredis.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace zws {

struct FreeReply {
  void operator()(void* reply) const noexcept { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;

// What hiredis makes of these bytes.
inline Reply reply(const std::string& bytes) {
  redisReader* reader = redisReaderCreate();
  redisReaderFeed(reader, bytes.data(), bytes.size());
  void* got = nullptr;
  redisReaderGetReply(reader, &got);
  redisReaderFree(reader);
  return Reply(static_cast<redisReply*>(got));
}

inline std::string bulk(const std::string& text) {
  return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}

inline std::string array(const std::vector<std::string>& elements) {
  std::string bytes = "*" + std::to_string(elements.size()) + "\r\n";
  for (const std::string& each : elements) bytes += each;
  return bytes;
}

inline std::string texts(const std::vector<std::string>& words) {
  std::vector<std::string> elements;
  for (const std::string& word : words) elements.push_back(bulk(word));
  return array(elements);
}

class RedisAnswers {
 public:
  using Words = std::vector<std::string>;
  using Done = std::function<void(const redisReply*)>;

  bool send(const Words& words, Done done) {
    if (!up) return false;
    sent.push_back(words);
    waiting_.push_back(std::move(done));
    return true;
  }

  // Answers all that waits, each as `how` says: RESP, or nothing where the connection broke.
  void answer(const std::function<std::string(const Words&)>& how) {
    while (!waiting_.empty()) {
      const Words words = sent.at(answered_++);
      const Done done = std::move(waiting_.front());
      waiting_.pop_front();
      const std::string bytes = how(words);
      const Reply got = bytes.empty() ? nullptr : reply(bytes);
      done(got.get());
    }
  }
  // Answers what has waited longest.
  void answer_once(const std::string& bytes) {
    ++answered_;
    const Done done = std::move(waiting_.front());
    waiting_.pop_front();
    done(reply(bytes).get());
  }
  void answer_ok() {
    answer([](const Words& words) {
      return words[0] == "XADD" || words[0] == "SET" ? std::string("+OK\r\n")
                                                     : std::string(":1\r\n");
    });
  }
  void break_off() {
    answer([](const Words&) { return std::string(); });
  }

  // The commands of this name, in order.
  std::vector<Words> of(const std::string& name) const {
    std::vector<Words> found;
    for (const Words& each : sent)
      if (each[0] == name) found.push_back(each);
    return found;
  }
  void forget_sent() {
    sent.clear();
    answered_ = 0;
  }

  bool up = true;
  std::vector<Words> sent;

 private:
  std::deque<Done> waiting_;
  std::size_t answered_ = 0;
};

}  // namespace zws
