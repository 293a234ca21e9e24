// Login: the bridge's address and the token that a command shows there.
//
// The token never stays visible to other users: it is best given in a file or in ZWS_TOKEN, and
// hide_tokens() takes it out of the command line that `ps` shows.
#pragma once

#include <string>

#include "tls.hpp"
#include "url.hpp"

namespace CLI {
class App;
}

namespace zws::tool {

struct Login {
  std::string url = "ws://127.0.0.1:8000/api/ws";
  std::string token;
  std::string token_file;
  TlsOptions tls;
};

// --url, --ca-file and --insecure. ZWS_URL is the default.
void add_place_options(CLI::App& command, Login& login);

// --token and --token-file. ZWS_TOKEN is their default.
void add_token_options(CLI::App& command, Login& login);

// All of these.
void add_login_options(CLI::App& command, Login& login);

// The token that was given; empty when none was. Failure: usage or failed.
std::string token_of(const Login& login);

// The token that a bridge in open mode on this machine wrote for its administrator, if this user
// may read it; else empty. One that others may have put there is not taken, which is said on stderr:
// whoever has it would be shown a token of this user's.
std::string administrator_token_of(const Url& url);

// Overwrites what follows --token in the process's own arguments.
void hide_tokens(int argc, char** argv) noexcept;

// `text` without what of the arguments is a token, which a complaint about them may quote: what stands where
// one belongs, and what looks like a JWT wherever it stands.
std::string without_tokens(std::string text, int argc, char** argv);

}  // namespace zws::tool
