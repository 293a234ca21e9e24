// Output: data on stdout, talk on stderr, and what a terminal asks of both.
//
// Thread: any, but lines of several threads may mix.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace zws::tool {

// Writes all of `data` to stdout at once. False when its reader has gone, which ends a command
// quietly; throws Failure when it cannot be written for another reason, such as a full disk.
bool write_data(std::string_view data);

// One line on stderr.
void talk(std::string_view line) noexcept;

bool data_is_seen() noexcept;  // stdout is a terminal
bool talk_is_seen() noexcept;  // stderr is a terminal

// Whether data may be coloured: a terminal that can, and NO_COLOR is not set.
bool data_has_colour() noexcept;

// Whether nobody can read stdout any more: a pipe whose other end was closed.
bool reader_has_gone() noexcept;

// `text` with control characters, bidi marks and invalid UTF-8 made visible (\x1b, \u202e): nothing
// from outside may steer the terminal. Newlines and tabs stay.
std::string printable(std::string_view text);

// The same in one line, cut to about `limit` bytes: newlines and tabs are made visible, too.
std::string printable_line(std::string_view text, std::size_t limit);

// The same for JSON, which stays the same JSON: \u009b, \u202e.
std::string printable_json(std::string_view json);

}  // namespace zws::tool
