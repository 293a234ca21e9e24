#include "positions.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/pattern.hpp"
#include "core/position.hpp"

namespace zws::tool {
namespace {

constexpr std::size_t found_max = 256;
constexpr std::size_t sources_max = 256;           // what the bridge takes for a topic
constexpr std::size_t since_bytes_max = 48 << 10;  // of the 64 KiB that a message may have

std::string text_of(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::uint64_t number_of(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number_integer() || *found < 0) return 0;
  return found->get<std::uint64_t>();
}

}  // namespace

Positions::Positions(const std::vector<std::string>& names) : names_(names) {}

void Positions::event(const std::string& name, std::string_view text) {
  if (const auto position = Position::parse(text))
    move(topic(name), position->source, position->seq, 1);
}

void Positions::gap(const nlohmann::json& gap) {
  Topic& its = topic(text_of(gap, "topic"));
  const std::string source = text_of(gap, "src");
  const std::uint64_t from = number_of(gap, "from");
  const std::uint64_t to = number_of(gap, "to");
  if (source.empty() || from == 0 || to < from) return;
  // Neighbours merge, so it may go on among live events.
  std::uint64_t replayed_to = to;
  if (its.live)
    if (const auto found = its.live->find(source); found != its.live->end())
      replayed_to = std::min(to, found->second);
  move(its, source, to, replayed_to < from ? 0 : static_cast<std::int64_t>(replayed_to - from + 1));
}

void Positions::subscribed(const nlohmann::json& answer) {
  const auto at = answer.find("at");
  if (at == answer.end() || !at->is_array()) return;
  Topic& its = topic(text_of(answer, "topic"));
  if (const auto recovered = answer.find("recovered");
      recovered != answer.end() && *recovered == false)
    its.reached.clear();
  its.live.emplace();
  for (const auto& one : *at) {
    if (!one.is_string()) continue;
    if (const auto position = Position::parse(one.get_ref<const std::string&>()))
      (*its.live)[position->source] = position->seq;
  }
  its.awaited = static_cast<std::int64_t>(number_of(answer, "replayed"));
  take_up(its);
}

std::string Positions::since(const std::string& name) const {
  const auto pattern = Pattern::parse(name);
  nlohmann::json all = nlohmann::json::object();
  std::size_t bytes = 0;
  for (auto its = topics_.rbegin(); its != topics_.rend(); ++its) {
    if (its->reached.empty() || !pattern || !pattern->matches(its->name)) continue;
    std::vector<std::string> positions;
    bytes += 6 * its->name.size();  // as \uXXXX at the worst
    for (const auto& [source, sequence] : its->reached) {
      positions.push_back(source + ':' + std::to_string(sequence));
      bytes += positions.back().size() + 3;
    }
    if (bytes > since_bytes_max) break;
    all[its->name] = positions;
  }
  if (pattern && !pattern->is_literal()) return all.dump();
  return all.empty() ? "" : all.begin()->dump();
}

Positions::Topic& Positions::topic(const std::string& name) {
  const auto is_it = [&](const Topic& one) { return one.name == name; };
  const auto found = std::find_if(topics_.begin(), topics_.end(), is_it);
  if (found != topics_.end()) {
    topics_.splice(topics_.end(), topics_, found);
    return topics_.back();
  }
  topics_.emplace_back().name = name;
  if (topics_.size() > found_max + names_.size()) {
    topics_.erase(std::find_if(topics_.begin(), topics_.end(), [&](const Topic& one) {
      return std::find(names_.begin(), names_.end(), one.name) == names_.end();
    }));
  }
  return topics_.back();
}

void Positions::move(Topic& topic, const std::string& source, std::uint64_t sequence,
                     std::int64_t count) {
  if (topic.reached.size() >= sources_max && topic.reached.count(source) == 0)
    topic.reached.erase(topic.reached.begin());
  topic.reached[source] = sequence;
  topic.awaited -= count;
  take_up(topic);
  // A gap that began in the replay and goes on among live events.
  std::uint64_t& reached = topic.reached[source];
  reached = std::max(reached, sequence);
}

void Positions::take_up(Topic& topic) {
  if (!topic.live || topic.awaited > 0) return;
  topic.reached = std::move(*topic.live);
  topic.live.reset();
}

}  // namespace zws::tool
