// SPDX-License-Identifier: Apache-2.0
// Park and ready: the permit of runtime/sched/permit.hpp and the ticket of include/weft/detail/wait.hpp.
// One fiber waits WAITS times; two sources (what it waits for, and its timer or a cancellation) hold the
// ticket of each wait and come when they like, early, late or a wait too late. Two Ms run the fiber.
//
// Checked: it is never on two Ms, never queued twice, never queued while it still stands on its stack unless
// it is about to find that out (F3), never lost (it ends), each wait ends by exactly one claim, of that wait.

#define WAITS 3
#define SOURCES 2

#define P_NONE 0
#define P_PARKED 1
#define P_NOTIFIED 2

byte permit;
byte seq;             // the ticket word: {seq, open}
bool open;
byte claims[WAITS];   // winners of each wait
byte wait_no;         // the wait the fiber is in, from 1; what the sources see of it is `seq`

bool on_stack;        // some M stands on the fiber's stack
byte queued;
byte waits_done;
bool finished;

// The fiber, by whichever M took it from the queue. `resumed`: it comes back from a park.
inline run_fiber(resumed) {
  atomic {
    assert(!on_stack);
    on_stack = true
  };
  if
  :: resumed -> returned()
  :: else
  fi;
  do
  :: waits_done == WAITS -> finished = true; atomic { on_stack = false; break }
  :: else ->
     atomic { wait_no++; seq = wait_no; open = true };  // the ticket is out
     // F1
     if
     :: permit == P_NOTIFIED -> permit = P_NONE; returned()
     :: else ->
        on_stack = false;  // F2; the M goes on, on its own stack
        // F3
        atomic {
          if
          :: permit == P_NONE -> permit = P_PARKED; notified = false
          :: else -> notified = true
          fi
        };
        if
        :: notified -> permit = P_NONE; enqueue()
        :: else
        fi;
        break
     fi
  od
}

inline returned() {
  atomic {
    assert(claims[wait_no - 1] == 1);
    waits_done++
  }
}

inline enqueue() {
  atomic {
    queued++;
    assert(queued == 1)
  }
}

proctype machine() {
  bool back, notified;
  do
  :: atomic { queued > 0 -> queued-- };
     back = (wait_no > 0);
     run_fiber(back);
     notified = false
  :: finished -> break
  od
}

// A source: for each wait it may come, at any time from its opening on. Source 0 always comes for the wait it
// knows; source 1 too, so one of them is always stale.
proctype source() {
  byte n = 1;
  byte ticket;
  byte old;
  do
  :: n > WAITS -> break
  :: else ->
     seq >= n;  // the ticket exists
     ticket = n;
     atomic {
       if
       :: open && seq == ticket ->
          open = false;
          claims[wait_no - 1]++;
          assert(ticket == wait_no && claims[wait_no - 1] == 1);
          old = 1
       :: else -> old = 0
       fi
     };
     if
     :: old == 1 ->
        atomic { old = permit; permit = P_NOTIFIED };  // W1
        if
        :: old == P_PARKED -> permit = P_NONE; enqueue()  // W2
        :: else
        fi
     :: else
     fi;
     old = 0;
     n++
  od
}

init {
  atomic {
    queued = 1;
    run machine(); run machine(); run source(); run source()
  };
  (_nr_pr == 1);
  assert(waits_done == WAITS && queued == 0 && permit == P_NONE)
}
