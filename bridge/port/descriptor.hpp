// Descriptor: a socket or pipe on a lane's loop.
//
// Its executor is the loop's own type: behind Asio's default, any_io_executor, each wait would copy one
// through function pointers.
#pragma once

#include <asio/io_context.hpp>
#include <asio/posix/basic_stream_descriptor.hpp>

namespace zws {

using Descriptor = asio::posix::basic_stream_descriptor<asio::io_context::executor_type>;

}  // namespace zws
