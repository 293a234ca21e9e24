// What all sockets of a publisher have in common: how they come back, how they notice silence, what
// a bridge may make them hold, and CURVE.
//
// Errors: PublisherError, for keys and endpoints that are none.
#pragma once

#include <cstddef>
#include <string>

#include "zws/publisher.hpp"

namespace zws {

constexpr std::size_t frame_bytes_max = 4096;  // that a bridge may send

void set_option(void* socket, int option, int value) noexcept;

void set_common_options(void* socket, const std::string& endpoint, const PublisherOptions& options);

void attach(void* socket, const std::string& endpoint, bool bind);

}  // namespace zws
