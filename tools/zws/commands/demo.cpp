// zws demo: plays an application's events, for a person to look at.

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <thread>

#include "above_zero.hpp"
#include "command.hpp"
#include "delivery.hpp"
#include "output.hpp"
#include "pace.hpp"

namespace zws::tool {
namespace {

struct DemoOptions {
  DeliveryOptions delivery;
  double rate = 1;
  std::uint64_t count = 0;  // 0: no end
  std::string task_id = "task-123";
  int rows = 200;
  int wallets = 150;
  std::vector<std::string> users;
  nlohmann::json notification{{"title", "Hello"}, {"content", "A notification from zws demo"}};
  std::string level = "info";
};

double rounded(double value, double step) { return std::round(value / step) * step; }

// Sends what `send` sends until `count` times are over or the user interrupts.
template <typename Send>
Exit play(const DemoOptions& options, const char* topic, Send send) {
  Delivery delivery(options.delivery);
  delivery.wait_for_bridge(topic);
  if (talk_is_seen()) talk("publishing to " + options.delivery.to + "; Ctrl-C ends it");
  Pace pace(options.rate);
  for (std::uint64_t sent = 0; options.count == 0 || sent < options.count; ++sent) {
    std::this_thread::sleep_until(pace.next(Clock::real().steady()));
    send(delivery);
  }
  delivery.finish();
  return Exit::done;
}

class ImportJob {
 public:
  ImportJob(const DemoOptions& options, std::mt19937& random)
      : options_(options), random_(random) {}

  bool ended() const { return processed_ == options_.rows; }

  // One message's worth of rows.
  void work() {
    constexpr int rows_per_message = 5;
    constexpr double broken = 0.04;
    for (int i = 0; i < rows_per_message && !ended(); ++i, ++processed_)
      if (std::bernoulli_distribution(broken)(random_)) ++failed_;
  }

  nlohmann::json progress() const {
    return {{"status", ended() ? "completed" : "processing"},
            {"total", options_.rows},
            {"processed", processed_},
            {"success", processed_ - failed_},
            {"failed", failed_},
            {"progress", rounded(100.0 * processed_ / options_.rows, 0.1)},
            {"eta", std::ceil((options_.rows - processed_) / (5 * options_.rate))}};
  }

  nlohmann::json summary() const {
    return {{"title", "Import finished"},
            {"content", options_.task_id + ": " + std::to_string(processed_ - failed_) +
                            " rows imported, " + std::to_string(failed_) + " failed"},
            {"level", failed_ ? "warning" : "success"}};
  }

 private:
  const DemoOptions& options_;
  std::mt19937& random_;
  int processed_ = 0;
  int failed_ = 0;
};

Exit import(const DemoOptions& options) {
  std::mt19937 random(std::random_device{}());
  Delivery delivery(options.delivery);
  const std::string topic = "import:" + options.task_id;
  delivery.wait_for_bridge(topic);
  delivery.wait_for_bridge("notifications");
  Pace pace(options.rate);
  ImportJob job(options, random);
  do {
    std::this_thread::sleep_until(pace.next(Clock::real().steady()));
    job.work();
    delivery.check(
        delivery.publisher().send_import_progress(options.task_id, job.progress().dump()), topic);
  } while (!job.ended());
  delivery.check(delivery.publisher().send_notification(job.summary().dump()), "notifications");
  delivery.finish();
  return Exit::done;
}

Exit wallets(const DemoOptions& options) {
  struct Wallet {
    std::string address;
    int score;
    double pnl;
  };
  std::mt19937 fixed(static_cast<unsigned>(options.wallets));  // the same wallets at every start
  std::vector<Wallet> all;
  for (int i = 0; i < options.wallets; ++i) {
    std::ostringstream address;
    address << "0x" << std::hex;
    for (int digit = 0; digit < 40; ++digit) address << (fixed() & 15U);
    all.push_back({address.str(), 40 + static_cast<int>(fixed() % 51),
                   std::normal_distribution<double>(0, 5000)(fixed)});
  }
  std::mt19937 random(std::random_device{}());
  return play(options, "wallet_updates", [&](Delivery& delivery) {
    Wallet& wallet = all[random() % all.size()];
    const double profit = std::normal_distribution<double>(0, 250)(random);
    wallet.pnl += profit;
    wallet.score = std::clamp(wallet.score + (profit > 0 ? 1 : -1), 0, 100);
    const nlohmann::json data{{"score", wallet.score}, {"pnl", rounded(wallet.pnl, 0.01)}};
    delivery.check(delivery.publisher().send_wallet_update(wallet.address, data.dump()),
                   "wallet_updates");
  });
}

// Busy and all clock ticks of this machine's cores since it started.
std::pair<double, double> cpu_ticks() {
  std::ifstream stat("/proc/stat");
  std::string label;
  stat >> label;
  double all = 0;
  double idle = 0;
  double ticks = 0;
  for (int field = 0; field < 8 && stat >> ticks; ++field) {
    all += ticks;
    if (field == 3 || field == 4) idle += ticks;  // idle, and waiting for disks
  }
  return {all - idle, all};
}

double memory_percent() {
  std::ifstream meminfo("/proc/meminfo");
  std::string name;
  double kib = 0;
  double total = 1;
  double available = 0;
  while (meminfo >> name >> kib) {
    if (name == "MemTotal:") total = kib;
    if (name == "MemAvailable:") available = kib;
    meminfo.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return 100 * (1 - available / total);
}

Exit status(const DemoOptions& options) {
  auto before = cpu_ticks();
  return play(options, "system_status", [&](Delivery& delivery) {
    const auto now = cpu_ticks();
    const double cpu = 100 * (now.first - before.first) / std::max(now.second - before.second, 1.0);
    before = now;
    const nlohmann::json data{{"cpu", rounded(cpu, 0.1)},
                              {"memory", rounded(memory_percent(), 0.1)},
                              {"active_wallets", options.wallets}};
    delivery.check(delivery.publisher().send_system_status(data.dump()), "system_status");
  });
}

Exit notify(const DemoOptions& options) {
  nlohmann::json notification = options.notification;
  notification["level"] = options.level;
  const std::string topic = options.users.empty() ? "notifications" : "@user/" + options.users[0];
  return play(options, topic.c_str(), [&](Delivery& delivery) {
    Publisher& publisher = delivery.publisher();
    delivery.check(options.users.empty()
                       ? publisher.send_notification(notification.dump())
                       : publisher.send_notification(notification.dump(), options.users),
                   topic);
  });
}

// Each has options of its own: of one that is not called, too, the environment sets those that it may.
CLI::App* add(CLI::App& demo, Run& run, const std::shared_ptr<DemoOptions>& options,
              const char* name, const char* what, Exit (*play_it)(const DemoOptions&), double rate,
              std::uint64_t count) {
  CLI::App* command = demo.add_subcommand(name, what);
  command->add_option("--rate", options->rate, "Messages a second")
      ->check(above_zero())
      ->default_str(CLI::detail::to_string(rate));
  add_delivery_options(*command, options->delivery);
  command->callback([options, command, play_it, rate, count, &run] {
    if (command->count("--rate") == 0) options->rate = rate;
    const CLI::Option* given = command->get_option_no_throw("--count");
    if (!given || given->count() == 0) options->count = count;
    options->delivery.header = true;
    run = [options, play_it] { return play_it(*options); };
  });
  return command;
}

void add_count(CLI::App* command, DemoOptions& options, const char* otherwise) {
  command->add_option("--count", options.count, "End after so many messages")
      ->check(above_zero())
      ->default_str(otherwise);
}

}  // namespace

void add_demo(CLI::App& app, Run& run) {
  CLI::App* demo = app.add_subcommand("demo", "Play an application's events, to look at");
  demo->require_subcommand(1);
  demo->footer(
      "Examples:\n"
      "  zws demo import --task-id task-1    and: zws sub import:task-1 --format pretty\n"
      "  zws demo wallets --rate 50\n"
      "  zws demo notify --user ada --level warning");

  const auto imported = std::make_shared<DemoOptions>();
  CLI::App* job = add(*demo, run, imported, "import",
                      "One import: its progress, then a notification", import, 10, 0);
  job->add_option("--task-id", imported->task_id, "It goes to import:{task-id}")
      ->capture_default_str();
  job->add_option("--rows", imported->rows, "Rows to import, five a message")
      ->check(CLI::Range(1, 100'000'000))
      ->capture_default_str();

  const auto traded = std::make_shared<DemoOptions>();
  CLI::App* trade =
      add(*demo, run, traded, "wallets", "Wallets whose score and profit change", wallets, 5, 0);
  trade->add_option("--wallets", traded->wallets, "How many there are")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  add_count(trade, *traded, "no end");

  const auto measured = std::make_shared<DemoOptions>();
  CLI::App* machine =
      add(*demo, run, measured, "status", "This machine's CPU and memory", status, 1, 0);
  add_count(machine, *measured, "no end");

  const auto options = std::make_shared<DemoOptions>();
  CLI::App* tell = add(*demo, run, options, "notify", "A notification", notify, 1, 1);
  tell->add_option("--user", options->users, "To this user alone (again for more)")
      ->allow_extra_args(false);
  tell->add_option_function<std::string>(
      "--title", [options](const std::string& text) { options->notification["title"] = text; },
      "Its title");
  tell->add_option_function<std::string>(
      "--content", [options](const std::string& text) { options->notification["content"] = text; },
      "Its text");
  tell->add_option("--level", options->level, "How serious it is")
      ->check(CLI::IsMember({"info", "success", "warning", "error"}).description(""))
      ->type_name("info|success|warning|error")
      ->capture_default_str();
  add_count(tell, *options, "1");
}

}  // namespace zws::tool
