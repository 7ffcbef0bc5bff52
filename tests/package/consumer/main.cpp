// A user's first program: it has to build with nothing but what weft says it needs.
#include <weft/weft.hpp>

#include <cstdio>

static_assert(weft::version() == EXPECTED_VERSION);

int main() {
  return weft::run([] {
    weft::chan<int> numbers;
    weft::go([numbers]() mutable {
      for (int i = 1; i <= 4; ++i) (void)numbers.send(i);
      numbers.close();
    });
    int sum = 0;
    for (int n : numbers) sum += n;
    std::printf("sum %d\n", sum);
    return sum == 10 ? 0 : 1;
  });
}
