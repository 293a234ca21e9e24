// An import job that tells its progress, and says so to everyone when it has ended.
//
//   zws_example_import_job [TASK_ID [ENDPOINT]]
//
// Watch it with: zws sub 'import:*' notifications
#include <chrono>
#include <iostream>
#include <string>
#include <thread>
#include <zws/publisher.hpp>

namespace {

constexpr int rows = 200;
constexpr int rows_per_message = 5;
constexpr std::chrono::milliseconds row_cost{20};

// What a real import does with one row; one in twenty-five is broken.
bool import_row(int row) {
  std::this_thread::sleep_for(row_cost);
  return row % 25 != 0;
}

std::string progress(int processed, int failed) {
  const auto left = row_cost * (rows - processed);
  return R"({"status":")" + std::string(processed == rows ? "completed" : "processing") +
         R"(","total":)" + std::to_string(rows) + R"(,"processed":)" + std::to_string(processed) +
         R"(,"success":)" + std::to_string(processed - failed) + R"(,"failed":)" +
         std::to_string(failed) + R"(,"progress":)" + std::to_string(100.0 * processed / rows) +
         R"(,"eta":)" + std::to_string(std::chrono::ceil<std::chrono::seconds>(left).count()) + "}";
}

void warn(zws::Outcome outcome) {
  if (outcome != zws::Outcome::sent) std::cerr << "not told: " << zws::describe(outcome) << '\n';
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string task_id = argc > 1 ? argv[1] : "task-123";
  zws::Publisher publisher(argc > 2 ? argv[2] : zws::default_endpoint);
  if (!publisher.wait_ready(std::chrono::seconds(2)))
    std::cerr << "no bridge is listening: importing without telling\n";

  int failed = 0;
  for (int row = 1; row <= rows; ++row) {
    if (!import_row(row)) ++failed;
    if (row % rows_per_message == 0)
      warn(publisher.send_import_progress(task_id, progress(row, failed)));
  }
  warn(publisher.send_notification(R"({"title":"Import finished","content":")" + task_id + ": " +
                                   std::to_string(rows - failed) +
                                   R"( rows imported","level":"success"})"));
  return 0;
} catch (const zws::PublisherError& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
