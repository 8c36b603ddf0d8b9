"""Forward and backward passes of small networks in C++: optional, found at run time, and not needed for anything."""
