#include "auth/verifier.hpp"
