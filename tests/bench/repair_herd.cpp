// Publishers that come back to a bridge all at once: each has sent one event on each of its topics,
// and holds them. Says "published" when all are sent, and answers until its input ends.
//
//   repair_herd ENDPOINT REPAIR PUBLISHERS TOPICS
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>
#include <zws/publisher.hpp>

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  zws::PublisherOptions options;
  options.repair = {argv[2]};
  std::vector<std::unique_ptr<zws::Publisher>> herd;
  for (int i = 0; i < std::atoi(argv[3]); ++i)
    herd.push_back(std::make_unique<zws::Publisher>(argv[1], options));
  for (std::size_t i = 0; i < herd.size(); ++i) {
    if (!herd[i]->wait_ready(std::chrono::seconds(60))) return 1;
    for (int topic = 0; topic < std::atoi(argv[4]); ++topic)
      herd[i]->publish("herd/" + std::to_string(i) + '/' + std::to_string(topic),
                       R"({"type":"x"})");
  }
  std::puts("published");
  std::fflush(stdout);
  while (std::getchar() != EOF) continue;
  std::_Exit(0);  // nothing more has to leave
}
