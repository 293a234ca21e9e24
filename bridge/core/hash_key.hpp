// The key of this process's hash of names (core/keyed_hash.hpp).
//
// Thread: main, before any other and before any table. Until then it is always the same one, so that tests are.
#pragma once

namespace zws {

void draw_hash_key();

}  // namespace zws
