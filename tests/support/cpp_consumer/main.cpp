// Publishes one event with each verb to the endpoint given, and says what became of them.
#include <iostream>
#include <zws/publisher.hpp>

int main(int, char** argv) try {
  zws::Publisher publisher(argv[1]);
  if (!publisher.wait_ready(std::chrono::seconds(10))) return 3;
  for (const zws::Outcome outcome :
       {publisher.publish("orders", R"({"type":"order","id":17})", "17"),
        publisher.send_import_progress("task-1", R"({"progress":50.0})"),
        publisher.send_wallet_update("0xabc", R"({"score":85})"),
        publisher.send_notification(R"({"title":"To all"})"),
        publisher.send_notification(R"({"title":"To Ada"})", {"ada"}),
        publisher.send_system_status(R"({"cpu":45.2})"),
        publisher.broadcast(R"({"type":"farewell"})")})
    std::cout << zws::describe(outcome) << '\n';
  return publisher.close(std::chrono::seconds(10)) ? 0 : 1;
} catch (const zws::PublisherError& error) {
  std::cerr << error.what() << '\n';
  return 2;
}
