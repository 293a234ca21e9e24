// Config: everything an operator can set, with its default. Immutable once loaded; a reload builds
// a whole new one.
//
// The comments are the manual: docs/CONFIG.md and share/zwsbridge.toml are made from them. The line
// "Allowed: ..." of each says what keys.cpp enforces, and a unit test compares the two.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/event.hpp"
#include "core/log.hpp"
#include "core/pattern.hpp"

namespace zws {

using Duration = std::chrono::milliseconds;

// [server] The port that browsers reach: WebSocket, REST, console and metrics.
struct ServerConfig {
  // Where the bridge listens: one place, or a list of them. The default is reachable from this
  // machine only, because without a key in [auth] everyone who reaches the port may read everything.
  // "localhost" is 127.0.0.1 and [::1], as far as the machine has them; port 0 takes any free port,
  // and the log line "listening" names it. A Unix socket, as in ["localhost:8000",
  // "unix:/run/zwsbridge/http.sock"], speaks plain HTTP even with tls_cert, is open to whoever may
  // enter its folder, and what comes through it counts as coming from 127.0.0.1.
  // Allowed: "ADDRESS:PORT" with an IPv4 address, an [IPv6] address or localhost, "unix:PATH", or a
  // list of such.
  // A change needs a restart.
  std::vector<std::string> listen{"localhost:8000"};

  // The path of the WebSocket; the REST calls lie below it.
  // Allowed: "/" and printable ASCII without space, "?", "#" and "%", at most 255 bytes.
  // A change needs a restart.
  std::string path = "/api/ws";

  // Lanes: threads with an event loop, each of which serves its own clients. 0 takes all cores but
  // one, at least one: the remaining core is for the thread that reads from ZeroMQ. A lane that is
  // alone reads from ZeroMQ itself.
  // Allowed: an integer from 0 to 256. A change needs a restart.
  std::size_t threads = 0;

  // Web pages that may connect and call REST, each as browsers send it in Origin. Empty: the page
  // must come from the host it connects to, and while the bridge listens on loopback only, any
  // loopback page may. "null" lets in any page that hides where it is from.
  // Allowed: a list of origins such as "https://app.example.org", "null" or "file://", in lower
  // case and without path, wildcards and the default port. A reload applies it.
  std::vector<std::string> allowed_origins;

  // Proxies whose X-Forwarded-For and X-Forwarded-Host are believed. A network that clients can
  // reach the bridge from does not belong here: they could claim any address.
  // Allowed: a list of IP addresses or networks such as "10.0.0.0/8". A reload applies it.
  std::vector<std::string> trusted_proxies{"127.0.0.0/8", "::1/128"};

  // Whether a connection from one of trusted_proxies may begin with a header of the PROXY protocol
  // (version 1 or 2), which says whose it is: for balancers that pass TCP on and read no HTTP. From
  // anyone else it is answered with 400. Needs a key in [auth], as others then come from afar.
  // Allowed: true or false. A reload applies it.
  bool proxy_protocol = false;

  // The certificate chain (PEM) with which the port speaks TLS. Empty: plain HTTP, as behind a
  // proxy that ends TLS. Together with tls_key; a reload rereads both files.
  // Allowed: a path; empty is none. A reload applies it.
  std::string tls_cert;

  // The private key (PEM) of tls_cert.
  // Allowed: a path; empty is none. A reload applies it.
  std::string tls_key;

  // Whether "/" serves the console. It shows nothing without the rights of who opens it.
  // Allowed: true or false. A reload applies it.
  bool console = true;

  // Whether /metrics answers everyone. No metric names a topic, user or address; false leaves it to
  // administrators and to roles that may "metrics".
  // Allowed: true or false. A reload applies it.
  bool metrics_public = true;

  // How long a stop may take: queues are flushed and the closes (1012) are spread over it, so that
  // not all clients come back to another bridge in one moment. What is not done then is cut.
  // Allowed: a time from 0s to 10m. A reload applies it.
  Duration drain_timeout{10'000};

  // How old a connection gets: then its client is told to reconnect, and closed with 1012 a second
  // later. So clients spread again over bridges that were added. Each has a time of its own, up to a
  // tenth more or less. 0s: as old as it likes.
  // Allowed: a time from 0s to 720h. A reload applies it.
  Duration max_connection_age{0};
};

// [ingest] The ZeroMQ side, where producers publish.
struct IngestConfig {
  // Endpoints on which producers find the bridge. Binding tcp beyond loopback needs CURVE or
  // insecure = true.
  // Allowed: a list of "tcp://ADDRESS:PORT" ("*" is every address) or "ipc://PATH".
  // A change needs a restart.
  std::vector<std::string> bind{"tcp://127.0.0.1:5556"};

  // Endpoints of producers that bind. The bridge keeps trying those that are away. A HOST is looked
  // up aside, and all its addresses of both families are dialled; a producer that answers at two of
  // them is heard twice, so what it sends needs headers (whose duplicates are dropped).
  // Allowed: a list of "tcp://HOST:PORT" or "ipc://PATH". A change needs a restart.
  std::vector<std::string> connect;

  // Topic prefixes that the bridge asks producers for; "" is everything. Others are not sent to it.
  // Allowed: a list of strings of at most 255 bytes. A change needs a restart.
  std::vector<std::string> subscribe{""};

  // Whether producers may write to @all and @user/<id>, which reach clients unasked.
  // Allowed: true or false. A reload applies it.
  bool commands = true;

  // Permits binding tcp beyond loopback without CURVE: then whoever reaches that port can publish
  // anything to everyone.
  // Allowed: true or false. A change needs a restart.
  bool insecure = false;

  // Messages that ZeroMQ holds for each producer while the bridge is busy (its high-water mark).
  // Past it the producer's socket drops. 10000 rides out a second of 10,000 messages/s.
  // Allowed: an integer from 1 to 10000000. A change needs a restart.
  std::size_t hwm = 10'000;

  // Bytes that all producers together may hold inside ZeroMQ. Neither hwm nor the message size
  // bounds an endless multipart message; past this bound the socket is remade, which frees it.
  // 128 MiB is hwm messages of 13 KB.
  // Allowed: an integer from 1048576 to 1099511627776. A reload applies it.
  std::size_t memory_bytes = std::size_t{128} << 20;

  // The largest single frame that is received at all. An event over limits.event_bytes is dropped,
  // counted and logged, and its producer stays; a frame over this bound cuts its producer off, and
  // that is counted and logged, too. It is never below limits.event_bytes.
  // Allowed: an integer from 65536 to 1099511627776. A reload applies it.
  std::size_t frame_bytes = std::size_t{64} << 20;

  // How often the bridge asks each producer whether it is there (ZMTP pings). libzmq before 4.2 does
  // not answer them: such a producer that sends nothing for heartbeat_timeout is cut off and comes
  // again, unless pings are off (0s); TCP keepalive then finds machines that are gone.
  // Allowed: a time from 0s to 1h. A change needs a restart.
  Duration heartbeat{5'000};

  // After this time without a sign of life a producer is lost: its machine has no power any more, or
  // another address. One in ingest.connect is dialled again until it is back.
  // Allowed: a time from 1s to 1h. A change needs a restart.
  Duration heartbeat_timeout{15'000};

  // Connections of producers at a time, handshakes included; and as many at repair_bind. One more takes
  // the place of the oldest handshake, or is cut off where there is none. 0 is one for every eight open
  // files that the process may have, at most 1000; each takes two, and one at repair_bind.
  // Allowed: an integer from 0 to 1000000. A change needs a restart.
  std::size_t connections = 0;

  // How often the names in connect are looked up again.
  // Allowed: a time from 1s to 24h. A change needs a restart.
  Duration resolve{30'000};

  // The mode of the sockets that bind makes at ipc paths, in octal: who may write to one may publish.
  // Allowed: an octal mode from "0000" to "0777". A change needs a restart.
  std::string ipc_mode = "0660";

  // Endpoints on which publishers that keep what they sent can be asked for what got lost on the way
  // (docs/PUBLISHING.md). Binding tcp beyond loopback needs CURVE or insecure = true.
  // Allowed: a list of "tcp://ADDRESS:PORT" ("*" is every address) or "ipc://PATH".
  // A change needs a restart.
  std::vector<std::string> repair_bind{"tcp://127.0.0.1:5557"};

  // How long a source's events of a topic wait behind a hole until that is filled or told as lost,
  // and its first event, if numbered above 1, for word of its publisher. Nothing else waits.
  // Allowed: a time from 1ms to 10s. A reload applies it.
  Duration repair_wait{200};

  // Bytes of events that may wait between ingest and one loop thread. Past it the loop is too slow
  // for its load and events are dropped, counted and told as gaps. 32 MiB is some seconds of a
  // healthy feed. Events count as in limits.queue_bytes.
  // Allowed: an integer from 65536 to 1099511627776. A reload applies it.
  std::size_t lane_bytes = std::size_t{32} << 20;

  // The bridge's CURVE secret key, as `zws keygen` writes it. Set, producers must speak CURVE on every
  // endpoint. The bridge is the CURVE server also where it connects, so a producer needs the same keys
  // wherever it stands: the bridge's public one, and its own two.
  // Allowed: a path; empty is none. A change needs a restart.
  std::string curve_secret_key_file;

  // The public keys of the producers that may connect, one a line, with a name behind it for the log;
  // lines that begin with # are comments. Without the list any producer that knows the bridge's public
  // key may. A reload rereads it, and cuts off who is not listed any more.
  // Allowed: a path; empty is none. A reload applies it.
  std::string curve_allowed_keys_file;
};

// [auth.anonymous] Connections without a token.
struct AnonymousConfig {
  // Whether they may stay. If not, they have auth.timeout to sign in and hear nothing before.
  // Allowed: true or false. A reload applies it.
  bool connect = true;

  // What they may subscribe to. Nothing by default: with a key configured, reading needs a token.
  // In open mode everyone may read everything, whatever stands here.
  // Allowed: a list of topic patterns such as "import:*". A reload applies it.
  std::vector<std::string> subscribe;
};

// [auth.user] Connections with a token.
struct UserConfig {
  // What users may subscribe to whose token has no claim `topics`. {user} becomes the user's own
  // name, literally: "orders:{user}:*". Such a '*' takes no further separator of that
  // kind, since other users' names may go on behind it (docs/SECURITY.md).
  // Allowed: a list of topic patterns such as "import:*" or "inbox:{user}:*"; with a '*' at its
  // end {user} has . : or / behind it.
  // A reload applies it.
  std::vector<std::string> subscribe{"*"};
};

// [auth.claims] Where a token says who its bearer is. A name may be a path, as realm_access.roles; a
// member that is called exactly so comes first, so a name with dots (https://example.org/roles) is
// one, too.
struct ClaimsConfig {
  // The claim that is the user: a string of 1 to 200 bytes, or an integer.
  // Allowed: the path of a claim. A reload applies it.
  std::string user = "sub";

  // The claims that hold roles: a string, or a list of them. A string with spaces is its words.
  // Allowed: a list of paths of claims. A reload applies it.
  std::vector<std::string> roles{"role", "roles"};

  // The claim that holds what this user may subscribe to, in place of auth.user.subscribe.
  // Allowed: the path of a claim. A reload applies it.
  std::string topics = "topics";

  // The roles that make an administrator. Empty: no token makes one.
  // Allowed: a list of roles. A reload applies it.
  std::vector<std::string> admin{"admin"};
};

// [auth.roles.NAME] What those may besides who have the role NAME; quotes take any name:
// [auth.roles."ops team"]. Rights add up; an administrator needs none.
struct RoleConfig {
  // What they may subscribe to, besides what `topics` or auth.user.subscribe give them. {user} is as
  // there.
  // Allowed: a list of topic patterns such as "import:*" or "inbox:{user}:*"; with a '*' at its
  // end {user} has . : or / behind it.
  // A reload applies it.
  std::vector<std::string> subscribe;

  // Which of the administrator's calls they may make: "stats" reads totals, "metrics" /metrics where
  // metrics_public is false, "disconnect" closes connections, the others are the calls of that name.
  // Allowed: a list of "stats", "metrics", "publish", "broadcast", "notify" and "disconnect".
  // A reload applies it.
  std::vector<std::string> may;
};

// [auth] Who may connect. With no key set the bridge runs in open mode: everyone may
// subscribe to everything, and it listens on loopback only. The last key cannot be taken out while
// the bridge runs: open mode begins with a start.
struct AuthConfig {
  // The shared secret of HS256 tokens. Better in a file: environment and command line are visible
  // to others.
  // Allowed: a string of 32 to 1024 bytes; empty is none. A reload applies it.
  std::string hs256_secret;

  // A file that holds the shared secret, in place of hs256_secret. A reload rereads it.
  // Allowed: a path; empty is none. A reload applies it.
  std::string hs256_secret_file;

  // The secret before the present one, for the overlap of a rotation: tokens of both are good until
  // it is taken out.
  // Allowed: a string of 32 to 1024 bytes; empty is none. A reload applies it.
  std::string hs256_previous_secret;

  // A file that holds it, in place of hs256_previous_secret. A reload rereads it.
  // Allowed: a path; empty is none. A reload applies it.
  std::string hs256_previous_secret_file;

  // A public key or a certificate (PEM): RSA checks RS256 and PS256, P-256 ES256, Ed25519 EdDSA. The
  // key decides the algorithm, never the token. A reload rereads it.
  // Allowed: a path; empty is none. A reload applies it.
  std::string public_key_file;

  // A JSON Web Key Set; each key names its own `alg`. A reload rereads it, so keys can be rotated.
  // Allowed: a path; empty is none. A reload applies it.
  std::string jwks_file;

  // Where a JSON Web Key Set is fetched from: at the start, at a reload, every jwks_refresh, and at once
  // for a token whose key is not known (at most every 30 s). While it cannot be had the last good set
  // stays, also over a restart.
  // Allowed: a URL with https, or with http to loopback; empty is none. A reload applies it.
  std::string jwks_url;

  // How often it is fetched.
  // Allowed: a time from 1s to 24h. A reload applies it.
  Duration jwks_refresh{900'000};

  // The `iss` that a token must carry, one of these.
  // Allowed: a string or a list of strings; empty checks nothing. A reload applies it.
  std::vector<std::string> issuer;

  // The `aud` that a token must carry or hold, one of these. Needed with a public key, where "*"
  // takes any.
  // Allowed: a string or a list of strings; empty checks nothing. A reload applies it.
  std::vector<std::string> audience;

  // Whether a token must have `exp`. A token without it is good for ever.
  // Allowed: true or false. A reload applies it.
  bool require_exp = true;

  // How long a connection whose token has ended may stay to send a new one. 10 s let a page fetch
  // one without the user noticing.
  // Allowed: a time from 0s to 1h. A reload applies it.
  Duration expiry_grace{10'000};

  // How long a connection may stay without a token where anonymous.connect is false.
  // Allowed: a time from 1ms to 1h. A reload applies it.
  Duration timeout{10'000};

  // Permits open mode beyond loopback: then everyone who reaches the port reads everything.
  // Allowed: true or false. A change needs a restart.
  bool open = false;

  // Where the bridge writes, in open mode, the token that the administrator's calls need (mode
  // 0600). Empty: in the user's runtime folder, named after the port; the log names the path.
  // Allowed: a path; empty is none. A change needs a restart.
  std::string admin_token_file;

  ClaimsConfig claims;
  AnonymousConfig anonymous;
  UserConfig user;
  std::map<std::string, RoleConfig> roles;  // by NAME

  // Whether any key is configured; without one the bridge runs in open mode.
  bool has_key() const noexcept {
    return !hs256_secret.empty() || !hs256_secret_file.empty() || !public_key_file.empty() ||
           !jwks_file.empty() || !jwks_url.empty();
  }
};

// [heartbeat] How dead connections are found.
struct HeartbeatConfig {
  // How often each client is pinged. 25 s keep the connection open in proxies that cut silent ones
  // after 30 s or 60 s.
  // Allowed: a time from 1ms to 1h. A reload applies it.
  Duration interval{25'000};

  // How long a client may send nothing at all before it is closed with 4408. Must exceed interval,
  // or healthy clients are cut off.
  // Allowed: a time from 1ms to 24h. A reload applies it.
  Duration timeout{60'000};
};

// [history] What each topic keeps, for clients that come back or come late.
struct HistoryConfig {
  // The newest events a topic keeps (the newest event of each key on a conflate route, this many
  // keys). 0 keeps none: then nobody recovers what it missed.
  // Allowed: an integer from 0 to 1000000. A reload applies it.
  std::size_t size = 100;

  // How old an event may become there. 5 minutes cover a reload, a train tunnel and a laptop lid.
  // Allowed: a time from 1ms to 8760h. A reload applies it.
  Duration ttl{300'000};

  // What all history of all topics may take, bookkeeping included; the oldest event of all goes
  // first.
  // Allowed: an integer from 0 to 1099511627776. A reload applies it.
  std::size_t bytes = std::size_t{64} << 20;
};

// [limits] What clients may take. Every queue and rate has a bound, so that one client cannot take
// from the others.
struct LimitsConfig {
  // Connections in all; more are answered 503. 0 is what the descriptor limit allows, and a larger
  // number is lowered to that with a warning.
  // Allowed: an integer from 0 to 10000000. A reload applies it.
  std::size_t connections = 0;

  // Connections from one address (IPv6: one /64). 0 is no bound: behind one address may be a whole
  // company. Of the tokens that wait to be checked no address has more than are left for all others.
  // Allowed: an integer from 0 to 10000000. A reload applies it.
  std::size_t connections_per_ip = 0;

  // Connections of one user. 0 is no bound. 100 is many tabs on many devices.
  // Allowed: an integer from 0 to 10000000. A reload applies it.
  std::size_t connections_per_user = 100;

  // Topics and patterns that one connection may be subscribed to.
  // Allowed: an integer from 1 to 1000000. A reload applies it.
  std::size_t subscriptions = 1024;

  // The largest message a client may send; a larger one closes with 1009. Clients only send short
  // requests, but a token or a list of topics must fit.
  // Allowed: an integer from 128 to 16777216. A reload applies it.
  std::size_t message_bytes = 65'536;

  // The largest payload of an event, from a producer or by REST. A larger one is rejected and
  // counted.
  // Allowed: an integer from 1 to 268435456. A reload applies it.
  std::size_t event_bytes = std::size_t{1} << 20;

  // Bytes that may wait for one client before the route's overflow decides what goes. 1 MiB is a
  // second of a feed of 1 MiB/s. Each event counts with its topic, source, key and frame, 88 bytes for
  // what holds it, and 64 more where its route conflates.
  // Allowed: an integer from 1024 to 1073741824. A reload applies it.
  std::size_t queue_bytes = std::size_t{1} << 20;

  // Bytes of the queue that the kernel may hold unsent. Little, so that what is dropped or replaced
  // is old data that has not left yet, not new data stuck behind it.
  // Allowed: an integer from 1024 to 16777216. A reload applies it to new connections.
  std::size_t unsent_bytes = 65'536;

  // How long a client may take nothing at all while its queue is at the bound, before it is closed
  // with 4410.
  // Allowed: a time from 1ms to 24h. A reload applies it.
  Duration stalled_timeout{30'000};

  // Messages a second from one client, with bursts of twice that. More are answered rate_limited,
  // and closed with 4429 after 5 s of it.
  // Allowed: an integer from 1 to 1000000. A reload applies it.
  std::size_t messages_per_second = 100;

  // Errors that one client may cause in a minute before it is closed with 4400.
  // Allowed: an integer from 1 to 1000000. A reload applies it.
  std::size_t errors_per_minute = 60;

  // Bad tokens from one address in a minute; after that further bad ones, and those that are not
  // known yet and dear to check, get 429 before the upgrade. Other clients there pass. 0 is no bound.
  // Allowed: an integer from 0 to 1000000. A reload applies it.
  std::size_t failed_tokens_per_minute = 100;

  // How long a client may take for its request, from connecting to the upgrade.
  // Allowed: a time from 1ms to 10m. A reload applies it.
  Duration handshake_timeout{5'000};

  // Names of topics that one message may have looked at, for `since`, `last` or a route's `replay` on
  // patterns. What would need more is answered `recovered:false` or `replayed:0`. 10000 take two or
  // three milliseconds.
  // Allowed: an integer from 0 to 10000000. A reload applies it.
  std::size_t request_looks = 10'000;

  // The most events that one subscription may replay. A client that missed more is told
  // `recovered:false`.
  // Allowed: an integer from 0 to 1000000. A reload applies it.
  std::size_t replay_events = 1000;

  // Topics the bridge remembers; past it the one heard from longest ago is forgotten.
  // Allowed: an integer from 1 to 100000000. A reload applies it.
  std::size_t topics = 1'000'000;

  // Sources it remembers for each topic; past it the one heard from longest ago is forgotten.
  // Allowed: an integer from 1 to 65536. A reload applies it.
  std::size_t sources_per_topic = 64;

  // Memory of the whole process. From 85 % of it on new clients are answered 503, and from 95 % on
  // those that hold most (queue, half a message, subscriptions) are closed with 4410, before the
  // kernel ends it. 0 is the limit of the cgroup (a container's, a unit's), and no limit without one.
  // Allowed: an integer from 0 to 1099511627776. A reload applies it.
  std::size_t memory_bytes = 0;
};

enum class EventFormat : std::uint8_t { automatic, raw };

// [[route]] How some topics are treated. The first route that matches a topic applies, whole: what
// it does not set is the default, not the next route's.
struct RouteConfig {
  // The topics this route is for. Every route needs it.
  // Allowed: a topic pattern such as "import:*". A reload applies it.
  std::string match;

  // What clients get: "auto" puts topic and @id into JSON, "raw" passes the payload on untouched
  // in a binary frame (such events have no id, so `since` does not work on them).
  // Allowed: "auto" or "raw". A reload applies it.
  EventFormat format = EventFormat::automatic;

  // In place of history.size. Not set: history.size.
  // Allowed: an integer from 0 to 1000000. A reload applies it.
  std::optional<std::size_t> history;

  // In place of history.ttl. Not set: history.ttl.
  // Allowed: a time from 1ms to 8760h. A reload applies it.
  std::optional<Duration> ttl;

  // The newest events that a first subscribe gets at once, so that a progress bar opened late has
  // its last state.
  // Allowed: an integer from 0 to 1000000. A reload applies it.
  std::size_t replay = 0;

  // What goes when a client's queue is full: "drop_oldest" the oldest event of the topic that holds
  // most of the queue, "drop_newest" the arriving one, "disconnect" the client (4410), "conflate"
  // all but the newest event of each key, for as long as the client lags.
  // Allowed: "drop_oldest", "drop_newest", "disconnect" or "conflate". A reload applies it.
  Overflow overflow = Overflow::drop_oldest;

  // The top-level member of the payload that is the conflation key, where the producer's header
  // names none. Empty: the topic is the key.
  // Allowed: a string of at most 255 bytes. A reload applies it.
  std::string key;

  // Each source of such a topic that says nothing for this long is told as silent to who asked for the
  // topic's sources. Not set: silence is never told.
  // Allowed: a time from 100ms to 8760h. A reload applies it.
  std::optional<Duration> expect;
};

// [relay] Redis, which makes bridges one fleet: an administrator's call reaches the clients of all, and
// a bridge that has just started knows what was sent before. Events do not pass through it.
struct RelayConfig {
  // Where Redis is. Empty: the bridge stands alone. It may hold a password, so it belongs in the
  // environment (ZWSBRIDGE_RELAY_REDIS) or in a file that only the bridge may read.
  // Allowed: "redis://[USER:PASSWORD@]HOST[:PORT][/DB]", or rediss:// for TLS; empty is none.
  // A change needs a restart.
  std::string redis;

  // What all of the fleet's keys and channels begin with: bridges with one prefix are one fleet.
  // Allowed: a string of 1 to 64 bytes of A-Z a-z 0-9 . : _ -. A change needs a restart.
  std::string prefix = "zws:";

  // This bridge's name in the fleet. Two bridges of a fleet cannot have the same. Empty: the host's
  // name and the port it listens on.
  // Allowed: a string of at most 64 bytes of A-Z a-z 0-9 . : _ -. A change needs a restart.
  std::string name;

  // Whether events that have a producer's own numbers are kept in Redis too, for bridges that have
  // just started.
  // Allowed: true or false. A change needs a restart.
  bool history = true;
};

// [log] What the bridge says on stderr.
struct LogConfig {
  // The least important line that is written.
  // Allowed: "debug", "info", "warning", "error" or "off". A reload applies it.
  log::Level level = log::Level::info;

  // Lines for people or for programs.
  // Allowed: "text" or "json". A reload applies it.
  log::Format format = log::Format::text;

  // Whether each administrator's call leaves a line, and calls that were refused do, whatever
  // log.level is.
  // Allowed: true or false. A reload applies it.
  bool audit = true;
};

struct Config {
  ServerConfig server;
  IngestConfig ingest;
  AuthConfig auth;
  HeartbeatConfig heartbeat;
  HistoryConfig history;
  LimitsConfig limits;
  std::vector<RouteConfig> routes;
  RelayConfig relay;
  LogConfig log;
};

using ConfigPtr = std::shared_ptr<const Config>;

}  // namespace zws
