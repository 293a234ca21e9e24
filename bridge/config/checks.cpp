#include "config/checks.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "config/address.hpp"
#include "config/complaint.hpp"
#include "config/keys.hpp"
#include "config/secrecy.hpp"

namespace zws::config {
namespace {

class Checks {
 public:
  Checks(const Config& config, const Origins& origins) : config_(config), origins_(origins) {}

  void heartbeat() const {
    if (config_.heartbeat.timeout > config_.heartbeat.interval) return;
    // What the operator wrote is named, not the default that it runs into.
    if (origins_.count("heartbeat.timeout") == 0)
      fail("heartbeat.interval",
           "less than heartbeat.timeout, which is " + duration_text(config_.heartbeat.timeout));
    fail("heartbeat.timeout",
         "more than heartbeat.interval, which is " + duration_text(config_.heartbeat.interval));
  }

  void ingest_heartbeat() const {
    const IngestConfig& ingest = config_.ingest;
    if (ingest.heartbeat_timeout > ingest.heartbeat) return;
    if (origins_.count("ingest.heartbeat_timeout") == 0)
      fail("ingest.heartbeat", "less than ingest.heartbeat_timeout, which is " +
                                   duration_text(ingest.heartbeat_timeout));
    fail("ingest.heartbeat_timeout",
         "more than ingest.heartbeat, which is " + duration_text(ingest.heartbeat));
  }

  void listen() const {
    const std::vector<std::string>& all = config_.server.listen;
    if (all.empty()) fail("server.listen", "one address at least");
    if (config_.auth.has_key() || config_.auth.open) return;
    if (std::none_of(all.begin(), all.end(), listens_beyond_machine)) return;
    fail("server.listen",
         "a loopback address, as no key in [auth] is set and everyone may read everything; set a "
         "key, or auth.open = true");
  }

  // Open mode is for this machine, and others would come to it through the proxy.
  void proxy_protocol() const {
    if (!config_.server.proxy_protocol || config_.auth.has_key() || config_.auth.open) return;
    fail("server.proxy_protocol",
         "false, as no key in [auth] is set and everyone may read everything; set a key, or "
         "auth.open = true");
  }

  void tls() const {
    const bool cert = !config_.server.tls_cert.empty();
    const bool key = !config_.server.tls_key.empty();
    if (cert && !key) fail("server.tls_cert", "only together with server.tls_key");
    if (key && !cert) fail("server.tls_key", "only together with server.tls_cert");
  }

  void secrets() const {
    if (config_.auth.hs256_secret.empty() || config_.auth.hs256_secret_file.empty()) return;
    fail("auth.hs256_secret_file", "one of it and auth.hs256_secret, and both are set");
  }

  void previous_secrets() const {
    const AuthConfig& auth = config_.auth;
    const bool text = !auth.hs256_previous_secret.empty();
    const bool file = !auth.hs256_previous_secret_file.empty();
    const std::string name =
        file ? "auth.hs256_previous_secret_file" : "auth.hs256_previous_secret";
    if (text && file) fail(name, "one of it and auth.hs256_previous_secret, and both are set");
    if ((text || file) && auth.hs256_secret.empty() && auth.hs256_secret_file.empty())
      fail(name, "only together with auth.hs256_secret or auth.hs256_secret_file");
  }

  // Whoever signs for many with one key signs for strangers, too: only `aud` tells theirs from ours.
  void audience() const {
    const AuthConfig& auth = config_.auth;
    const bool has_public_key =
        !auth.public_key_file.empty() || !auth.jwks_file.empty() || !auth.jwks_url.empty();
    if (!auth.audience.empty() || !has_public_key) return;
    fail("auth.audience",
         "the `aud` of your tokens, as a public key is set and its owner may sign for others; set "
         "\"*\" if any token of that key is welcome");
  }

  void curve() const {
    const IngestConfig& ingest = config_.ingest;
    if (!ingest.curve_allowed_keys_file.empty() && ingest.curve_secret_key_file.empty()) {
      fail("ingest.curve_allowed_keys_file", "only together with ingest.curve_secret_key_file");
    }
    if (ingest.insecure || !ingest.curve_secret_key_file.empty()) return;
    loopback_only("ingest.bind", ingest.bind);
    loopback_only("ingest.repair_bind", ingest.repair_bind);
  }

 private:
  void loopback_only(const std::string& name, const std::vector<std::string>& endpoints) const {
    if (std::none_of(endpoints.begin(), endpoints.end(), reaches_beyond_machine)) return;
    fail(name,
         "tcp on loopback only, as whoever reaches it can publish anything; set "
         "ingest.curve_secret_key_file, or ingest.insecure = true");
  }

  [[noreturn]] void fail(const std::string& name, const std::string& allowed) const {
    const auto origin = origins_.find(name);
    throw refused(origin == origins_.end() ? "default" : origin->second, name,
                  *find_key(name)->get(config_), allowed);
  }

  const Config& config_;
  const Origins& origins_;
};

// Nothing, or why the file cannot be read. A pipe is not waited for.
std::string why_unreadable(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) return std::strerror(errno);
  struct stat about {};
  const bool is_folder = ::fstat(file, &about) == 0 && S_ISDIR(about.st_mode);
  ::close(file);
  return is_folder ? std::strerror(EISDIR) : "";
}

}  // namespace

void check_consistency(const Config& config, const Origins& origins) {
  const Checks checks(config, origins);
  checks.heartbeat();
  checks.ingest_heartbeat();
  checks.listen();
  checks.proxy_protocol();
  checks.tls();
  checks.secrets();
  checks.previous_secrets();
  checks.curve();
}

void check_files(const Config& config, const Origins& origins) {
  for (const std::string name :
       {"server.tls_cert", "server.tls_key", "ingest.curve_secret_key_file",
        "ingest.curve_allowed_keys_file", "auth.hs256_secret_file",
        "auth.hs256_previous_secret_file", "auth.public_key_file", "auth.jwks_file"}) {
    const auto path = std::get<std::string>(*find_key(name)->get(config));
    const std::string why = path.empty() ? "" : why_unreadable(path);
    if (why.empty()) continue;
    const auto origin = origins.find(name);
    throw refused(
        origin == origins.end() ? "default" : origin->second, name, path,
        "the path of a file that can be read (" + why + ')' +
            (shown_path(path) == path ? "" : "; what does not look like one is not shown"));
  }
  Checks(config, origins).audience();
}

}  // namespace zws::config
