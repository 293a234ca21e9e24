// zws keygen: a CURVE key pair, as two files of one line each.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "command.hpp"
#include "output.hpp"

namespace zws::tool {
namespace {

constexpr std::size_t key_text_bytes = 41;  // Z85 of 32 bytes and the closing zero
constexpr mode_t mode_public = 0644;
constexpr mode_t mode_secret = 0600;

struct KeygenOptions {
  std::string name = "zws";
  bool force = false;
};

// The mode holds from the file's first moment: it is created under its own name only once, and an
// old file of another mode is removed, not reused.
void write_key(const std::string& path, const char* key, mode_t mode, bool force) {
  if (force) ::unlink(path.c_str());
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (file < 0) {
    const std::string why = errno == EEXIST ? "it exists already (--force replaces it)"
                                            : std::string(std::strerror(errno));
    throw Failure(Exit::failed, "cannot write " + path + ": " + why);
  }
  const std::string line = std::string(key) + '\n';
  const bool written = ::write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  const int error = errno;
  if (::close(file) != 0 || !written)
    throw Failure(Exit::failed, "cannot write " + path + ": " + std::strerror(error));
}

Exit keygen(const KeygenOptions& options) {
  char public_key[key_text_bytes];
  char secret_key[key_text_bytes];
  if (zmq_curve_keypair(public_key, secret_key) != 0)
    throw Failure(Exit::failed, "this libzmq was built without CURVE");
  const std::string public_file = options.name + ".public";
  const std::string secret_file = options.name + ".secret";
  write_key(secret_file, secret_key, mode_secret, options.force);
  write_key(public_file, public_key, mode_public, options.force);
  talk("wrote " + secret_file + " (keep it secret) and " + public_file);
  write_data(std::string(public_key) + '\n');
  return Exit::done;
}

}  // namespace

void add_keygen(CLI::App& app, Run& run) {
  auto options = std::make_shared<KeygenOptions>();
  CLI::App* command = app.add_subcommand("keygen", "Make a CURVE key pair");
  command->add_option("NAME", options->name, "Writes NAME.secret (mode 0600) and NAME.public")
      ->capture_default_str();
  command->add_flag("--force", options->force, "Replace files that exist");
  command->footer(
      "The public key is printed too.\n\n"
      "Examples:\n"
      "  zws keygen bridge      for ingest.curve_secret_key_file\n"
      "  zws keygen producer    its public key is a line of ingest.curve_allowed_keys_file");
  command->callback([options, &run] { run = [options] { return keygen(*options); }; });
}

}  // namespace zws::tool
