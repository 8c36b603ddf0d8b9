"""Forward and backward passes of small networks in C++: optional, and looked for at run time. Everything works without
them."""
