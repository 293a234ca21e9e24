// Publishes each line "TOPIC PAYLOAD" of its input at once, and says what became of it. Ends when
// its input does, and gives what waits ten seconds to leave. Early events wait for a minute.
//
//   lines ENDPOINT [REPAIR]
#include <iostream>
#include <string>
#include <zws/publisher.hpp>

int main(int argc, char** argv) try {
  zws::PublisherOptions options;
  options.early_seconds = std::chrono::seconds(60);
  if (argc > 2) options.repair = {argv[2]};
  zws::Publisher publisher(argv[1], options);
  for (std::string line; std::getline(std::cin, line);) {
    const auto space = line.find(' ');
    std::cout << zws::describe(publisher.publish(line.substr(0, space), line.substr(space + 1)))
              << std::endl;
  }
  return publisher.close(std::chrono::seconds(10)) ? 0 : 1;
} catch (const zws::PublisherError& error) {
  std::cerr << error.what() << '\n';
  return 2;
}
