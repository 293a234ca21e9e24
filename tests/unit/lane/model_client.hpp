// ModelClient: a client as the contract wants it, over a ModelBridge. It keeps the position of each
// source, moves it with each event and gap, and gives it back when it comes again; and it is strict:
// it throws a Disagreement where something is missing, doubled or out of order.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "core/topic.hpp"
#include "unit/lane/model_bridge.hpp"

namespace zws {

struct Disagreement {
  std::string what;
};

inline void require(bool holds, const std::string& what) {
  if (!holds) throw Disagreement{what};
}

// All that was ever sent, by number.
struct ModelTruth {
  std::vector<ModelArrival> sent;
  std::set<std::uint64_t> restarts;
  bool lossy = false;  // a bridge may not have heard what another has
  std::ostringstream log;

  const ModelArrival& operator[](std::uint64_t number) const { return sent[number]; }
};

class ModelClient {
 public:
  ModelClient(std::string pattern, ModelTruth& truth)
      : text_(std::move(pattern)), pattern_(*Pattern::parse(text_)), truth_(truth) {}

  const std::string& text() const { return text_; }
  bool connected() const { return connection_ != nullptr; }
  bool answered() const { return answered_; }
  bool asked() const { return asked_; }
  // @all comes to every client; here one minds it, and the others let it pass.
  bool hears(std::string_view topic) const {
    return is_reserved(topic) ? topic == text_ : pattern_.matches(topic);
  }
  ModelConnection& connection() { return *connection_; }

  // A source counts anew: where this client stands may mean either of its lives.
  void excuse() { excused_ = true; }

  void connect(ModelBridge& bridge, ModelLane& lane) {
    bridge_ = &bridge;
    connection_ = std::make_unique<ModelConnection>(lane);
    answered_ = false;
    asked_ = false;
    passing_.clear();
    early_.clear();
    early_missed_.clear();
    early_at_.clear();
  }

  // `must_recover`: there is no reason why it should not.
  void ask(bool must_recover) {
    asked_ = true;
    nlohmann::json request{{"type", "subscribe"}, {"topic", text_}};
    resuming_ = based_;
    must_recover_ = must_recover;
    given_ = positions_;
    if (resuming_) request["since"] = since();
    truth_.log << text_ << '#' << this << " asks " << request << '\n';
    replaying_ = false;
    moved_.clear();
    replayed_.clear();
    missing_.clear();
    connection_->lane().requests().on_message(connection_->session(), request.dump(), false);
    waits_ = true;
    note_look();
  }

  // What is missing is settled when the bridge looks, which is at once unless the client is ahead of it.
  void note_look() {
    if (!waits_ || !connected() || connection_->session().left()) return;
    const auto& request = connection_->session().usage.long_request;
    if (request && request->slice.empty()) return;
    waits_ = false;
    if (resuming_) missing_ = unaccounted();
    begins_behind_ = bridge_->newest_number();
  }

  // Asks for a topic that it has already, or is done with one: what it gets stays the same.
  void ask_again(const std::string& topic, nlohmann::json request) {
    request["topic"] = topic;
    truth_.log << text_ << '#' << this << " asks " << request << '\n';
    connection_->lane().requests().on_message(connection_->session(), request.dump(), false);
  }

  // Reads up to `frames_max` whole frames.
  void read(std::size_t frames_max) {
    std::string& taken = connection_->wire().taken;
    std::size_t at = 0;
    for (; frames_max > 0 && taken.size() - at >= 2; --frames_max) {
      const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(taken[at + i]); };
      std::size_t size = byte(1);
      std::size_t header = 2;
      if (size == 126 && taken.size() - at < 4) break;
      if (size == 126) {
        size = static_cast<std::size_t>(byte(2)) << 8 | byte(3);
        header = 4;
      }
      if (taken.size() - at < header + size) break;
      take(nlohmann::json::parse(taken.substr(at + header, size)));
      at += header + size;
    }
    taken.erase(0, at);
  }

  void disconnect() {
    truth_.log << text_ << '#' << this << " goes\n";
    connection_.reset();
    waits_ = false;
    if (answered_) return;
    for (const std::uint64_t number : early_) received_.erase(number);  // it never had a base
  }

  // All that was posted since its subscription began has come, or was told to be missing, or has
  // been replaced by something newer.
  void require_whole() const {
    if (excused_ || !answered_) return;
    const auto left = unaccounted();
    std::vector<std::uint64_t> numbers;
    for (const EventPtr& event : left) numbers.push_back(number_of(*event));
    require(left.empty(), text_ + ": never came and was never told of: " + list(numbers));
  }

 private:
  using Sources = std::map<std::string, std::uint64_t>;
  struct Missed {
    std::string topic;
    std::string source;
    std::uint64_t from;
    std::uint64_t to;
  };

  nlohmann::json since() const {
    nlohmann::json by_topic = nlohmann::json::object();
    for (const auto& [topic, sources] : positions_) {
      nlohmann::json texts = nlohmann::json::array();
      for (const auto& [source, seq] : sources) texts.push_back(Position{source, seq}.text());
      by_topic[topic] = texts;
    }
    if (!pattern_.is_literal()) return by_topic;
    return by_topic.contains(text_) ? by_topic[text_] : nlohmann::json::array();
  }

  void take(nlohmann::json message) {
    message.erase("p");
    truth_.log << text_ << '#' << this << " gets " << message << '\n';
    if (message["type"] == "connection") return;
    if (message.contains("@id")) return take_event(message);
    if (message["type"] == "gap") return take_gap(message);
    require(message["success"] == true, message.dump());
    if (message["type"] == "unsubscribed") return;
    require(message["type"] == "subscribed", message.dump());
    if (answered_) return take_covered_answer(message);
    take_answer(message);
  }

  // It receives the topic already: nothing is repeated, and `at` is where it stands.
  void take_covered_answer(const nlohmann::json& answer) {
    const std::string topic = answer["topic"];
    require(answer.value("replayed", 0) == 0, text_ + ": something was repeated of " + topic);
    for (const auto& text : answer["at"]) {
      const auto position = *Position::parse(text.get<std::string>());
      auto& known = positions_[topic][position.source];
      known = std::max(known, position.seq);
    }
  }

  void take_answer(const nlohmann::json& answer) {
    answered_ = true;
    at_.clear();
    if (pattern_.is_literal()) {
      at_[text_];
      for (const auto& text : answer["at"]) {
        const auto position = *Position::parse(text.get<std::string>());
        at_[text_][position.source] = position.seq;
      }
    }
    left_ = answer.value("replayed", 0);
    recovered_ = answer.value("recovered", false);
    require(!resuming_ || recovered_ || !must_recover_ || excused_,
            text_ + ": not recovered, and there was no reason");
    require(resuming_ == answer.contains("recovered"), "recovered is told to who asks for it");
    if (!recovered_) {
      // It begins anew, as one that reads the state from its owner.
      received_ = early_;
      missed_.clear();
      positions_.clear();
      forgiven_.clear();
      based_ = true;
      base_ = begins_behind_;
    }
    early_.clear();
    missed_.insert(missed_.end(), early_missed_.begin(), early_missed_.end());
    replaying_ = recovered_;
    if (left_ <= 0) end_replay();
  }

  void take_event(const nlohmann::json& event) {
    const auto number = event["n"].get<std::uint64_t>();
    const std::string topic = event["topic"];
    const auto position = *Position::parse(event["@id"].get<std::string>());
    require(topic == truth_[number].topic, "an event under another's name");
    if (topic == topic_all && !hears(topic))
      return require(passing_.insert(number).second, topic + " twice: " + std::to_string(number));
    require(hears(topic), text_ + " got an event of " + topic);
    const bool had_it = !received_.insert(number).second;
    if (!answered_) {
      // It has not said where it stands: a slower bridge may bring once more what it had from another.
      require(topic == topic_all, "an event before the answer");
      require(!had_it || early_.count(number) == 0, text_ + ": twice: " + std::to_string(number));
      if (!had_it) early_.insert(number);
      early_at_[position.source] = position.seq;
      return;
    }
    require(!had_it || excused_, text_ + ": twice: " + std::to_string(number));
    auto& sources = positions_[topic];
    const auto known = sources.find(position.source);
    const bool restarted = truth_.restarts.count(number) != 0;
    if (known != sources.end() && !restarted && !excused_) {
      require(position.seq > known->second, text_ + ": backwards: " + event["@id"].dump());
      require(topic[0] == 'c' || position.seq == known->second + 1,
              text_ + ": a hole before " + event["@id"].dump() + " that was not told");
    }
    sources[position.source] = position.seq;
    if (!replaying_) return;
    moved_.insert(topic + '\n' + position.source);
    replayed_.push_back(number);
    if (--left_ <= 0) end_replay();
  }

  void take_gap(const nlohmann::json& gap) {
    const Missed missed{gap["topic"], gap["src"], gap["from"], gap["to"]};
    require(missed.to - missed.from + 1 == gap["missed"], "a gap that cannot count");
    if (!hears(missed.topic)) return require(missed.topic == topic_all, "a gap of another topic");
    if (!answered_) return early_missed_.push_back(missed);
    missed_.push_back(missed);
    auto& newest = positions_[missed.topic][missed.source];
    newest = std::max(newest, missed.to);
    if (!replaying_) return;
    moved_.insert(missed.topic + '\n' + missed.source);
    if (!pattern_.is_literal()) {  // it has no `at` to tell what of this belongs to the replay
      left_ = 0;
      for (const EventPtr& event : missing_)
        if (may_be_unknown(*event)) forgiven_.insert(number_of(*event));
      missing_.clear();
    } else {
      const std::uint64_t end = std::min(missed.to, at_[missed.topic][missed.source]);
      if (end >= missed.from) left_ -= static_cast<std::int64_t>(end - missed.from + 1);
    }
    if (left_ <= 0) end_replay();
  }

  void end_replay() {
    if (replaying_ && recovered_) check_replay();
    replaying_ = false;
    for (auto& [topic, sources] : at_) {
      for (const auto& [source, seq] : positions_[topic])
        if (moved_.count(topic + '\n' + source) != 0)
          sources[source] = std::max(sources[source], seq);
      positions_[topic] = sources;
    }
    // A gap that was told before the answer may name what came after it, too.
    for (const Missed& missed : early_missed_) {
      auto& newest = positions_[missed.topic][missed.source];
      newest = std::max(newest, missed.to);
    }
    // ... and so may what came behind it, but not without it.
    for (auto& [source, newest] : positions_[std::string(topic_all)])
      if (early_at_.count(source) != 0) newest = std::max(newest, early_at_[source]);
    moved_.clear();
  }

  void check_replay() {
    if (excused_) return;
    std::uint64_t before = 0;
    for (const std::uint64_t number : replayed_) {
      // What a queue at its bound replaces takes the tail.
      const bool conflated = truth_[number].topic[0] == 'c';
      require(conflated || number > before, text_ + ": out of order: " + list(replayed_));
      if (!conflated) before = number;
      if (number > base_ || truth_.lossy) continue;
      const auto given = given_.find(truth_[number].topic);
      require(given == given_.end() || given->second.count(truth_[number].source) == 0,
              text_ + ": what it had already came again");
    }
    for (const EventPtr& event : missing_) {
      const std::uint64_t number = number_of(*event);
      if (received_.count(number) != 0 || told(*event) || replaced(number)) continue;
      require(may_be_unknown(*event) && !must_recover_,
              text_ + ": called recovered without " + std::to_string(number));
      forgiven_.insert(number);
    }
  }

  // What was posted on its bridge since it began and it has neither got nor heard of.
  std::vector<EventPtr> unaccounted() const {
    std::vector<EventPtr> left;
    for (const EventPtr& event : bridge_->posted()) {
      if (event->is_gap() || !hears(event->topic())) continue;
      const std::uint64_t number = number_of(*event);
      if (number <= base_ || received_.count(number) != 0 || forgiven_.count(number) != 0 ||
          replaced(number))
        continue;
      if (!told(*event)) left.push_back(event);
    }
    return left;
  }

  // A source of which it had heard nothing may have gone with a topic that was forgotten; and the
  // first events of a source may have got lost on their way to the bridge it comes from.
  bool may_be_unknown(const Event& event) const {
    const auto topic = given_.find(std::string(event.topic()));
    if (topic == given_.end()) return true;
    const auto source = topic->second.find(std::string(event.source()));
    return source == topic->second.end() || (truth_.lossy && event.seq() <= source->second);
  }

  // Whether a gap has named it.
  bool told(const Event& event) const {
    for (const Missed& missed : missed_)
      if (missed.topic == event.topic() && missed.source == event.source() &&
          missed.from <= event.seq() && event.seq() <= missed.to)
        return true;
    return false;
  }

  // On a conflated topic: something newer has its key.
  bool replaced(std::uint64_t number) const {
    const ModelArrival& old = truth_[number];
    if (old.topic[0] != 'c') return false;
    for (std::uint64_t newer = number + 1; newer < truth_.sent.size(); ++newer)
      if (truth_[newer].topic == old.topic && truth_[newer].key == old.key) return true;
    return false;
  }

  static std::string list(const std::vector<std::uint64_t>& numbers) {
    std::ostringstream text;
    for (const std::uint64_t number : numbers) text << ' ' << number;
    return text.str();
  }

  const std::string text_;
  const Pattern pattern_;
  ModelTruth& truth_;
  ModelBridge* bridge_ = nullptr;
  std::unique_ptr<ModelConnection> connection_;

  std::map<std::string, Sources> positions_;
  std::map<std::string, Sources> given_;  // as `since`
  std::map<std::string, Sources> at_;
  std::set<std::string> moved_;  // during this replay
  std::int64_t left_ = 0;        // of this replay
  bool based_ = false;           // it has been answered once
  bool resuming_ = false;
  bool must_recover_ = false;
  bool asked_ = false;
  bool waits_ = false;  // for the bridge to look
  bool answered_ = false;
  bool recovered_ = false;
  bool replaying_ = false;
  bool excused_ = false;

  std::uint64_t base_ = 0;  // numbers above are its affair
  std::uint64_t begins_behind_ = 0;
  std::set<std::uint64_t> received_;
  std::set<std::uint64_t> forgiven_;
  std::vector<Missed> missed_;
  std::set<std::uint64_t> early_;  // had before its answer, without having asked
  std::vector<Missed> early_missed_;
  Sources early_at_;                 // of each source of @all, what came last before the answer
  std::set<std::uint64_t> passing_;  // of @all, on this connection
  std::vector<EventPtr> missing_;    // when it came back
  std::vector<std::uint64_t> replayed_;
};

}  // namespace zws
