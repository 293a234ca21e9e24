// What administrators ask takes no lane from its clients: who does the work, and how much of it at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <future>
#include <nlohmann/json.hpp>
#include <numeric>
#include <thread>

#include "api/api.hpp"
#include "support/folder.hpp"

namespace zws {
namespace {

using testing::Each;
using testing::Le;

constexpr std::size_t page_bytes_max = std::size_t{1} << 20;

ConfigPtr config_in(const Folder& folder) {
  Config config;
  config.server.listen = {"127.0.0.1:0"};
  config.server.threads = 1;
  config.auth.admin_token_file = (folder.path() / "token").string();
  config.history.size = 1000;
  config.history.bytes = std::size_t{64} << 20;
  RouteConfig raw;
  raw.match = "raw";
  raw.format = EventFormat::raw;
  config.routes.push_back(raw);
  return std::make_shared<const Config>(config);
}

// A lane that counts how many events it is given at once.
class CountingLane final : public BatchSink {
 public:
  void post(BatchPtr batch) noexcept override {
    at_once.push_back(batch->events.size());
    batch->receipt->add(batch->events.size());
  }

  std::vector<std::size_t> at_once;
};

// Whose quotes are two bytes each as JSON.
std::string list_of_quotes(int strings) {
  std::string list = "[";
  for (int i = 0; i < strings; ++i) list += R"("",)";
  return list + "0]";
}

struct Answer {
  HttpResponse response;
  bool by_lane = false;

  nlohmann::json json() const { return nlohmann::json::parse(response.body); }
};

class LanePauseTest : public testing::Test {
 protected:
  LanePauseTest() {
    exchange_.post_to(lanes_.sinks());
    lanes_.start(nullptr, api_, [] {});
  }
  ~LanePauseTest() override {
    api_.stop();
    lanes_.stop();
  }

  // As the port asks for it, on the lane.
  Answer ask(const std::string& method, const std::string& path, const std::string& body = "") {
    const auto told = std::make_shared<std::promise<Answer>>();
    lanes_[0].run([=](Lane&) {
      HttpRequest request;
      request.method = method;
      request.path = path.substr(0, path.find('?'));
      request.query = path.substr(std::min(path.size(), request.path.size() + 1));
      request.peer = request.address = "127.0.0.1";
      request.headers = {{"Host", "localhost"},
                         {"Authorization", "Bearer " + token()},
                         {"Content-Type", "application/json"},
                         {"Content-Length", std::to_string(body.size())}};
      request.take_body = [body](const std::function<void(std::string)>& then) { then(body); };
      api_.handle(std::move(request), [told, lane = std::this_thread::get_id()](HttpResponse got) {
        told->set_value({std::move(got), std::this_thread::get_id() == lane});
      });
    });
    auto answer = told->get_future();
    if (answer.wait_for(std::chrono::seconds(30)) != std::future_status::ready)
      throw std::runtime_error(path + " is not answered");
    return answer.get();
  }

  std::string token() const {
    std::string text;
    std::ifstream(lanes_.admin_token().file()) >> text;
    return text;
  }

  void publish(const std::string& topic, const std::string& message) {
    const Answer answer =
        ask("POST", "/api/ws/publish", R"({"topic":")" + topic + R"(","message":)" + message + '}');
    ASSERT_EQ(answer.response.status, 200) << answer.response.body;
  }

  // The answer to a notification of so many users, all of whom are on a lane that counts.
  std::string notify(int count, const std::string& title) {
    exchange_.post_to({&counting_});
    std::string users;
    for (int i = 0; i < count; ++i) {
      const std::string user = "u" + std::to_string(i);
      const Exchange::Look look = exchange_.look();
      exchange_.interest(0).begins(*Pattern::parse("@user/" + user));
      users += (i == 0 ? "\"" : ",\"") + user + '"';
    }
    const std::string body = R"({"title":")" + title + R"(","target_users":[)" + users + "]}";
    return ask("POST", "/api/ws/notify", body).response.body;
  }

  CountingLane counting_;
  const Folder folder_;
  const ConfigPtr config_ = config_in(folder_);
  Metrics metrics_{1};
  Verifier verifier_{config_->auth};
  Exchange exchange_{config_, metrics_};
  Lanes lanes_{config_, verifier_, exchange_, metrics_};
  Api api_{Api::Parts{
      config_, {}, &lanes_, &exchange_, &verifier_, &metrics_, "", nullptr, "bridge", nullptr}};
};

TEST_F(LanePauseTest, NoLaneReadsABodyOrWritesALongAnswer) {
  const std::string publication = R"({"topic":"a","message":{}})";
  const std::string misspelt = R"({"topic":"a","message":{},"massage":1})";
  const std::string notification = R"({"title":"a","target_users":["ada"]})";
  const std::string who = R"({"user":"ada","roles":[],"topics":["a"]})";
  EXPECT_FALSE(ask("POST", "/api/ws/publish", publication).by_lane);
  EXPECT_FALSE(ask("POST", "/api/ws/publish", misspelt).by_lane);
  EXPECT_FALSE(ask("POST", "/api/ws/broadcast", R"({"message":{}})").by_lane);
  EXPECT_FALSE(ask("POST", "/api/ws/notify", notification).by_lane);
  EXPECT_FALSE(ask("POST", "/api/ws/rights", who).by_lane);
  EXPECT_FALSE(ask("GET", "/api/ws/topics/a/history").by_lane);
  EXPECT_FALSE(ask("GET", "/api/ws/config").by_lane);
}

TEST_F(LanePauseTest, NoLaneWritesWhatThereIsToSayOfOneConnection) {
  const Answer nobody = ask("GET", "/api/ws/connections/nobody");
  EXPECT_EQ(nobody.response.status, 404);
  EXPECT_FALSE(nobody.by_lane);
}

TEST_F(LanePauseTest, WhetherTheBridgeIsWellIsAnsweredAtOnce) {
  EXPECT_TRUE(ask("GET", "/healthz").by_lane);
}

TEST_F(LanePauseTest, APageOfAHistoryIsBoundedAndItsCursorLeadsToTheRest) {
  for (int i = 0; i < 25; ++i)
    publish("a", R"({"n":)" + std::to_string(i) + R"(,"x":")" + std::string(100'000, 'x') + "\"}");
  std::vector<int> numbers;
  std::string cursor;
  do {
    const Answer page = ask("GET", "/api/ws/topics/a/history?limit=1000&cursor=" + cursor);
    EXPECT_LE(page.response.body.size(), page_bytes_max + 1000);
    const nlohmann::json answer = page.json();
    std::vector<int> here;
    for (const auto& event : answer["events"]) here.push_back(event["data"]["n"]);
    EXPECT_EQ(here.size(), numbers.size() < 20 ? 10U : 5U);
    numbers.insert(numbers.begin(), here.begin(), here.end());
    cursor = answer["cursor"].is_null() ? "" : answer["cursor"];
  } while (!cursor.empty());
  std::vector<int> all(25);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(numbers, all);
}

TEST_F(LanePauseTest, APageOfRawEventsIsBoundedAsItIsWritten) {
  for (int i = 0; i < 20; ++i) publish("raw", list_of_quotes(15'000));
  std::size_t events = 0;
  std::string cursor;
  do {
    const Answer page = ask("GET", "/api/ws/topics/raw/history?limit=1000&cursor=" + cursor);
    EXPECT_LE(page.response.body.size(), page_bytes_max + 1000);
    const nlohmann::json answer = page.json();
    events += answer["events"].size();
    cursor = answer["cursor"].is_null() ? "" : answer["cursor"];
  } while (!cursor.empty());
  EXPECT_EQ(events, 20U);
}

TEST_F(LanePauseTest, AnEventThatIsMoreThanAPageIsAPageOfItsOwn) {
  publish("raw", "[]");
  publish("raw", list_of_quotes(300'000));
  const nlohmann::json page = ask("GET", "/api/ws/topics/raw/history").json();
  EXPECT_EQ(page["events"].size(), 1U);
  EXPECT_FALSE(page["cursor"].is_null());
}

TEST_F(LanePauseTest, OfANotificationToManyAFewGoAtATimeAndTheirReceiversAreSummed) {
  EXPECT_EQ(notify(1000, "a"), R"({"success":true,"recipients":1000})");
  EXPECT_THAT(counting_.at_once, Each(Le(128U)));
}

TEST_F(LanePauseTest, OfALongNotificationFewerGoAtATime) {
  EXPECT_EQ(notify(100, std::string(20'000, 'x')), R"({"success":true,"recipients":100})");
  EXPECT_THAT(counting_.at_once, Each(Le(3U)));
}

}  // namespace
}  // namespace zws
