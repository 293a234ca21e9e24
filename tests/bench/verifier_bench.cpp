// What a token costs: verifications a second for each algorithm, first seen and known already.
// Prints one JSON object a line. Keys and tokens are made at the start.
//
//   verifier_bench [SECONDS for each measurement]
#include <time.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "auth/verifier.hpp"
#include "support/folder.hpp"
#include "unit/auth/forge.hpp"

namespace {

using zws::Verifier;
using zws::forge::Signer;
using SteadyClock = std::chrono::steady_clock;

constexpr int burst = 256;  // tokens asked before the answers are waited for

// CPU time of the whole process: the verifier's thread included, other programs not.
double cpu_s() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

// Asks for all tokens and waits for the answers; ends the program if one is refused.
void ask(Verifier& verifier, const std::vector<std::string>& tokens) {
  std::mutex mutex;
  std::condition_variable answered;
  std::size_t left = tokens.size();
  for (const auto& token : tokens)
    verifier.verify(token, [&](const zws::Verdict& verdict) {
      if (verdict.fault != zws::TokenFault::none) {
        std::fprintf(stderr, "verifier_bench: %s\n", verdict.reason.c_str());
        std::exit(1);
      }
      const std::lock_guard lock(mutex);
      if (--left == 0) answered.notify_one();
    });
  std::unique_lock lock(mutex);
  answered.wait(lock, [&] { return left == 0; });
}

// Repeats `round`, each of `burst` tokens, for that long, and prints what one token cost.
void measure(const char* algorithm, const char* what, double seconds,
             const std::function<void()>& round) {
  const auto begin = SteadyClock::now();
  const double cpu_begin = cpu_s();
  long tokens = 0;
  double wall = 0;
  do {
    round();
    tokens += burst;
    wall = std::chrono::duration<double>(SteadyClock::now() - begin).count();
  } while (wall < seconds);
  const double cpu = cpu_s() - cpu_begin;
  std::printf("{\"algorithm\":\"%s\",\"token\":\"%s\",\"per_second\":%.0f,\"cpu_us\":%.2f}\n",
              algorithm, what, static_cast<double>(tokens) / wall,
              cpu / static_cast<double>(tokens) * 1e6);
  std::fflush(stdout);
}

void run(const char* algorithm, const Signer& signer, double seconds) {
  const zws::Folder folder;
  zws::AuthConfig config;
  config.jwks_file =
      folder.file("keys.json", "{\"keys\":[{" + signer.jwk() + R"(,"alg":")" + algorithm + "\"}]}");
  Verifier verifier(config);
  std::vector<std::string> tokens;
  for (int i = 0; i < burst; ++i)
    tokens.push_back(
        zws::forge::token(signer, algorithm,
                          R"({"sub":"user-)" + std::to_string(i) +
                              R"(","exp":253402300799,"topics":["import:*","wallet_updates"]})"));
  // A reload forgets all tokens; its own cost is that of reading one key in `burst` verifications.
  measure(algorithm, "new", seconds, [&] {
    verifier.reload(config);
    ask(verifier, tokens);
  });
  measure(algorithm, "known", seconds, [&] { ask(verifier, tokens); });
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 1.0;
  run("HS256", Signer::secret(zws::forge::random_secret(32)), seconds);
  run("HS384", Signer::secret(zws::forge::random_secret(48)), seconds);
  run("HS512", Signer::secret(zws::forge::random_secret(64)), seconds);
  const auto rsa = Signer::rsa();
  run("RS256", rsa, seconds);
  run("PS256", rsa, seconds);
  run("ES256", Signer::ec("P-256"), seconds);
  run("ES384", Signer::ec("P-384"), seconds);
  run("ES512", Signer::ec("P-521"), seconds);
  run("EdDSA", Signer::ed25519(), seconds);
  return 0;
}
