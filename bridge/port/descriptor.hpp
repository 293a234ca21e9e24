// Descriptor: a socket or pipe on a lane's loop.
//
// Its executor is the loop's own type: behind Asio's default, any_io_executor, each wait would copy one
// through function pointers.
#pragma once

#include <unistd.h>

#include <asio/io_context.hpp>
#include <asio/posix/basic_stream_descriptor.hpp>
#include <utility>

namespace zws {

using Descriptor = asio::posix::basic_stream_descriptor<asio::io_context::executor_type>;

// One that is on no loop yet: closed, unless somebody takes it over.
class OpenDescriptor {
 public:
  explicit OpenDescriptor(int descriptor) noexcept : descriptor_(descriptor) {}
  ~OpenDescriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  OpenDescriptor(const OpenDescriptor&) = delete;
  OpenDescriptor& operator=(const OpenDescriptor&) = delete;

  int get() const noexcept { return descriptor_; }
  int release() noexcept { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_;
};

}  // namespace zws
