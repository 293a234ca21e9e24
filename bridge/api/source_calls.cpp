#include "api/source_calls.hpp"

#include <memory>

#include "api/list_query.hpp"
#include "core/json_text.hpp"

namespace zws {
namespace {

// Which may have limits.sources_per_topic each: nothing arrives for a quarter of a millisecond at most.
constexpr std::size_t topics_at_once = 8;
constexpr char between = '\x1f';  // in the names of rows; no topic holds it

const std::vector<std::string_view> orders{"topic", "src", "seq", "missed", "heard"};

ListRow row_of(const KnownSource& source, const std::string& order) {
  ListRow row;
  row.name = source.topic + between + source.src;
  if (order == "src") row.text = source.src;
  if (order == "seq") row.number = source.seq;
  if (order == "missed") row.number = source.missed;
  if (order == "heard")
    row.number = static_cast<std::uint64_t>(source.heard.time_since_epoch().count());
  return row;
}

std::string source_json(const KnownSource& source, SteadyTime now, WallTime wall) {
  const auto age = std::chrono::duration_cast<WallTime::duration>(now - source.heard);
  return JsonObject()
      .text("topic", source.topic)
      .text("src", source.src)
      .boolean("own", source.own)
      .number("seq", source.seq)
      .number("missed", source.missed)
      .text("heard_at", rfc3339(wall - age))
      .boolean("alive", source.state != SourceState::lost)
      .text("state", state_name(source.state))
      .done();
}

std::string producers_json(const IngestMetrics& ingest) {
  return JsonObject()
      .number("connected", ingest.producers.value())
      .number("connected_ever", ingest.producers_connected.value())
      .number("lost", ingest.producers_lost.value())
      .done();
}

class Walk : public std::enable_shared_from_this<Walk> {
 public:
  Walk(Clerk& clerk, Exchange& exchange, const Metrics& metrics, const ApiRequest& request,
       HttpReply reply)
      : clerk_(clerk),
        exchange_(exchange),
        metrics_(metrics),
        query_(request, orders),
        reply_(std::move(reply)) {
    // The topic in which the page before ended may have more sources.
    const std::string last = query_.name_after();
    after_ = last.substr(0, last.find(between));
    if (!after_.empty()) first_.push_back(after_);
  }

  void go_on() {
    clerk_.post([self = shared_from_this()] { self->look(); });
  }

 private:
  void look() {
    std::vector<std::string> topics = std::move(first_);
    first_.clear();
    const std::vector<std::string> next =
        exchange_.look().history().topics_after(after_, topics_at_once);
    topics.insert(topics.end(), next.begin(), next.end());
    const SteadyTime now = std::chrono::steady_clock::now();
    const WallTime wall = std::chrono::system_clock::now();
    for (const KnownSource& source : exchange_.sources(topics)) offer(source, now, wall);
    const bool enough = query_.by_name() && rows_.full(query_);
    if (next.size() < topics_at_once || enough) return answer();
    after_ = next.back();
    go_on();
  }

  void offer(const KnownSource& source, SteadyTime now, WallTime wall) {
    if (!query_.finds(source.topic) && !query_.finds(source.src)) return;
    ListRow row = row_of(source, query_.order());
    if (!rows_.wants(query_, row)) return;
    row.json = source_json(source, now, wall);
    rows_.add(query_, std::move(row));
  }

  void answer() {
    HttpResponse response = rows_.answer(query_, "sources");
    response.body.replace(0, 1, R"({"producers":)" + producers_json(metrics_.ingest) + ',');
    reply_(std::move(response));
  }

  Clerk& clerk_;
  Exchange& exchange_;
  const Metrics& metrics_;
  const ListQuery query_;
  const HttpReply reply_;
  std::vector<std::string> first_;
  std::string after_;
  PageRows rows_;
};

}  // namespace

void SourceCalls::list(const ApiRequest& request, HttpReply reply) {
  std::make_shared<Walk>(clerk_, exchange_, metrics_, request, std::move(reply))->go_on();
}

}  // namespace zws
