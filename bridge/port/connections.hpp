// Connections: the one owner of a lane's connections, each from its adopt() to its drop().
//
// How a connection ends, on one page. Four calls begin an end:
//
//   Session::close(code)         with words: our close frame goes behind what waits, and the client has
//                                a few seconds to answer it
//   Transport::abort()           without: on the loop's next turn, as the caller may still use the
//                                session, which calls it as Link::abort()
//   Transport::async_shutdown()  by websocketpp, which has done with it: the closing handshake is over, a
//                                request was answered, a peer broke the protocol or has gone
//   Connections::drop_all()      the lane ends: at once, whatever is on the way
//
// The first two come to the third, which websocketpp calls once, and the last to drop(). What follows
// happens once each, in this order, so that a session is told before its memory goes:
//
//   MessageHandler::on_leave()   the client receives nothing more: called by close(), or else at its end
//   Server::Impl::on_end()       what the request held is given back; then, of a client that upgraded,
//   Session::on_closed()           the code is counted,
//   Server::Parts::on_gone         and its lane lets go of it
//   Transport::drop()            the descriptor is closed
//   Connections::release()       posted by drop(); the memory goes with the last pending handler
//
// Where there is no memory websocketpp may fail half way and never come to on_end(). Then release() has the
// session and its lane told (Server::Impl::let_go()).
//
// What holds a connection meanwhile, and what wakes it. In every state something does:
//
//   state      held by       woken by                                  ends by
//   idle       its maker     nothing yet                               adopt()
//   open       Connections   the socket; the handshake's deadline      async_shutdown()
//                            until the request is complete; then the
//                            session's timer, or of a plain request
//                            its answer, which Errands sees to
//   flushing   Connections   the socket, flush_time                    linger() when all has left; drop()
//   lingering  Connections   the socket, linger_time                   drop()
//   closed     the release   nothing                                   its last pending handler
//
// Thread: its lane only. Lifetime: outlives nothing that it holds; whoever ends a lane calls drop_all()
// first, on the lane's thread or when that has ended.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace zws {

class Transport;

class Connections {
 public:
  // `let_go` hears of each connection before its memory goes.
  explicit Connections(std::function<void(Transport&)> let_go);
  ~Connections();
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  void hold(std::shared_ptr<Transport> connection);
  // Never from inside a call of the connection's own: it may die here.
  void release(Transport& connection) noexcept;

  // Ends them all without further words. Each is told as if its peer had gone.
  void drop_all() noexcept;

  std::size_t size() const noexcept { return held_.size(); }

 private:
  const std::function<void(Transport&)> let_go_;
  std::vector<std::shared_ptr<Transport>> held_;
};

}  // namespace zws
