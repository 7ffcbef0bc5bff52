// SPDX-License-Identifier: Apache-2.0
// The idle protocol of runtime/sched/idle.hpp, sequentially consistent (relacy has the weak orders):
// three Ms, two Ps, rings as counters, a global queue, submitters with and without P, a blocking call that
// gives its P up and takes any idle one back.
//
// Steps are those of the head of idle.hpp. The word {idle, searchers, need} changes in one atomic step, as one
// CAS does; each queue is looked at in a step of its own, as separate loads do.
//
// Checked:
//   * end states: everything has run, or the run is no valid one (a lost wake-up leaves all Ms asleep)
//   * monitor: never a runnable item and an idle P while nobody searches, is woken, or is on the way to look
//   * a P has at most one holder; who has a claim finds a mask bit
//   * liveness (ltl): whatever was submitted runs, under weak fairness

#define MS 3
#define PS 2
#define NONE 7

#ifndef ITEMS
#define ITEMS 3
#endif
#ifndef NO_THREADS
#define NO_THREADS 0  // 1: who finds no sleeper cannot make a thread either
#endif

byte ring[PS];        // items in each ring
byte global;          // items in the global queue
byte ran;             // items that have run

byte idle_ps;         // the word
byte searchers;
bool need_search;

bool mask[PS];        // idle_mask
byte holder[PS];      // who holds P: an M's number + 1, 0 nobody
byte given[MS];       // the P an M is woken with, or NONE
bool asleep[MS];

byte in_flight;       // Ms between I2 and I5: they will still look
byte submitting;      // submitters between S1 and the end of S4
byte carried;         // items taken but not yet run, with an M of their own

#define runnable_items (ring[0] + ring[1] + global)
#define all_done (ran == ITEMS)

inline take_bit(p) {
  // Who has a claim finds a bit; any will do.
  atomic {
    if
    :: mask[0] -> mask[0] = false; p = 0
    :: mask[1] -> mask[1] = false; p = 1
    :: else -> assert(false)
    fi
  }
}

inline hold(p, who) {
  assert(holder[p] == 0);
  holder[p] = who + 1
}

#define sleeps(m) (asleep[m] && given[m] == NONE)

// S2-S4. `target` is the M to wake: one that sleeps or is about to; NONE if no thread can be had.
inline wake_one(wanted, p, target) {
  wanted = (idle_ps > 0 && searchers == 0);  // S2
  do
  :: !wanted -> break  // S3
  :: wanted ->
     atomic {  // S4
       if
       :: idle_ps > 0 && searchers == 0 -> idle_ps--; searchers++
       :: else -> wanted = false
       fi
     }
     if
     :: wanted ->
        take_bit(p);
        // Any sleeper. An M on its way to sleep gets the wake when it is there.
        atomic {
          if
          :: sleeps(0) -> target = 0
          :: sleeps(1) -> target = 1
          :: sleeps(2) -> target = 2
          :: NO_THREADS && !sleeps(0) && !sleeps(1) && !sleeps(2) -> target = NONE
          fi;
          if
          :: target != NONE -> hold(p, target); given[target] = p
          :: else
          fi;
          wanted = false
        }
        if
        :: target == NONE ->
           mask[p] = true;
           atomic { idle_ps++; searchers-- };  // abandon
           // A submitter may have relied on the searcher that was counted, and an M may have gone to sleep since.
           wanted = (sleeps(0) || sleeps(1) || sleeps(2));
           if
           :: wanted -> look(wanted)
           :: else
           fi
        :: else
        fi
     :: else
     fi
  od;
  p = 0; target = 0
}

// I3, one queue after the other.
inline look(seen) {
  seen = (global > 0);
  if
  :: !seen ->
     seen = (ring[0] > 0);
     if
     :: !seen -> seen = (ring[1] > 0)
     :: else
     fi
  :: else
  fi
}

// One M. It starts with P `p`, or asleep. `work` items are submitted by the fiber it starts with; `blocks`: that
// fiber then makes a blocking call, which gives P up and takes an idle one back, or goes on the global queue.
proctype machine(byte me; byte p; byte work; bool blocks) {
  bool searching, got, seen, last, wanted;
  byte q, target;

  if
  :: p == NONE -> goto sleep
  :: else
  fi;

  // The first fiber.
  do
  :: work > 0 ->
     atomic { ring[p]++; submitting++; work-- };  // S1
     wake_one(wanted, q, target);
     submitting--
  :: else -> break
  od;
  if
  :: blocks ->
     // P is handed to nobody: it goes idle, with its ring, by the same steps as in I1-I4.
     atomic { holder[p] = 0; mask[p] = true };
     atomic { idle_ps++; in_flight++; p = 0 };
     look(seen);
     if
     :: seen ->
        atomic {
          if
          :: idle_ps > 0 && searchers == 0 -> idle_ps--; searchers++; got = true
          :: else -> got = false
          fi
        };
        if
        :: got ->
           take_bit(q);
           atomic {
             if
             :: asleep[0] && given[0] == NONE -> target = 0
             :: asleep[1] && given[1] == NONE -> target = 1
             :: asleep[2] && given[2] == NONE -> target = 2
             fi;
             hold(q, target);
             given[target] = q; q = 0; target = 0; got = false
           }
        :: else
        fi
     :: else
     fi;
     in_flight--;
     seen = false;
     // The call ends.
     atomic {
       if
       :: idle_ps > 0 -> idle_ps--; got = true  // claim(false)
       :: else -> got = false
       fi
     };
     if
     :: got -> take_bit(p); hold(p, me); got = false
     :: else -> goto sleep  // its fiber is done: nothing to queue
     fi
  :: else
  fi;

own:
  // Own ring, then the global queue.
  atomic {
    if
    :: ring[p] > 0 -> ring[p]--; got = true; carried++
    :: else -> got = false
    fi
  };
  if
  :: !got ->
     atomic {
       if
       :: global > 0 -> global--; got = true; carried++
       :: else
       fi
     }
  :: else
  fi;
  if
  :: got -> goto execute
  :: else
  fi;
  atomic {  // begin_search
    if
    :: 2 * searchers >= PS - idle_ps -> searching = false
    :: else -> searchers++; need_search = false; searching = true
    fi
  };
  if
  :: searching -> goto search
  :: else -> goto idle
  fi;

search:
  atomic {
    if
    :: ring[1 - p] > 0 -> ring[1 - p]--; got = true; carried++
    :: else
    fi
  };
  if
  :: !got ->
     atomic {
       if
       :: ring[p] > 0 -> ring[p]--; got = true; carried++  // a P that went idle with a full ring
       :: else
       fi
     }
  :: else
  fi;
  if
  :: !got ->
     atomic {
       if
       :: global > 0 -> global--; got = true; carried++
       :: else
       fi
     }
  :: else
  fi;
  if
  :: got ->
     atomic { searchers--; searching = false; last = (searchers == 0); in_flight++ };  // end_search
     if
     :: last ->
        look(seen);
        if
        :: seen -> wake_one(wanted, q, target)
        :: else
        fi
     :: else
     fi;
     atomic { in_flight--; last = false; seen = false };
     goto execute
  :: else -> goto idle
  fi;

execute:
  atomic { ran++; carried--; got = false };
  goto own;

idle:
  // I1. From here on somebody else's claim may find this bit: the M lets go of P first.
  atomic { holder[p] = 0; mask[p] = true };
  atomic {                                  // I2
    if
    :: need_search ->
       need_search = false;
       if
       :: !searching -> searchers++; searching = true
       :: else
       fi;
       got = false
    :: else ->
       idle_ps++;
       if
       :: searching -> searchers--; searching = false
       :: else
       fi;
       in_flight++;
       got = true
    fi
  };
  if
  :: !got -> take_bit(p); hold(p, me); goto search
  :: else -> got = false
  fi;
  p = 0;
  // On the list of sleepers before the look: a waker that finds nobody there gives up, and then this M's look
  // is still to come.
  asleep[me] = true;
  look(seen);  // I3
  if
  :: seen ->
     atomic {  // off the list, unless somebody hands us a P already
       if
       :: given[me] == NONE -> asleep[me] = false
       :: else -> seen = false
       fi
     };
     if
     :: seen ->
        atomic {  // I4
          if
          :: idle_ps > 0 -> idle_ps--; searchers++; searching = true
          :: else -> need_search = true
          fi;
          in_flight--; seen = false
        };
        if
        :: searching -> take_bit(p); hold(p, me); goto search
        :: else
        fi
     :: else -> in_flight--
     fi
  :: else -> in_flight--
  fi;

sleep:
  atomic { asleep[me] = true; p = 0 };
end_asleep:
  atomic {  // I5
    given[me] != NONE -> p = given[me]; given[me] = NONE; asleep[me] = false; searching = true
  };
  goto search
}

// A plain thread that submits.
proctype external() {
  bool wanted;
  byte q, target;
  atomic { global++; submitting++ };  // S1
  wake_one(wanted, q, target);
  submitting--
}

// Anything that runs can be seen to be on its way: an item may wait beside an idle P only while somebody
// searches (or is woken as a searcher), looks, or has not done S2-S4.
#if NO_THREADS
#define hands (sleeps(0) || sleeps(1) || sleeps(2))
#else
#define hands true
#endif

proctype monitor() {
end_watching:
  do
  :: atomic {
       hands && runnable_items > 0 && idle_ps > 0 && searchers == 0 && in_flight == 0 && submitting == 0 -> assert(false)
     }
  od
}

proctype at_end() {
  // Nothing else can move: nothing may be left.
  timeout -> assert(all_done)
}

init {
  atomic {
    given[0] = NONE; given[1] = NONE; given[2] = NONE;
#if CASE == 1
    // M 0 submits two, M 1 has nothing, M 2 is asleep; one from outside.
    holder[0] = 1; holder[1] = 2;
    run machine(0, 0, 2, false); run machine(1, 1, 0, false); run machine(2, NONE, 0, false); run external();
#elif CASE == 2
    // M 0 submits two and blocks, M 1 has nothing; one from outside.
    holder[0] = 1; holder[1] = 2;
    run machine(0, 0, 2, true); run machine(1, 1, 0, false); run machine(2, NONE, 0, false); run external();
#elif CASE == 3
    // All Ps idle; one item, from outside, and one by who it wakes.
    mask[0] = true; mask[1] = true; idle_ps = 2;
    run machine(0, NONE, 0, false); run machine(1, NONE, 0, false); run machine(2, NONE, 0, false);
    run external(); run external();
#elif CASE == 4
    // M 0 submits one, M 1 blocks at once (its P may be taken, given up and taken again).
    holder[0] = 1; holder[1] = 2;
    run machine(0, 0, 1, false); run machine(1, 1, 0, true); run machine(2, NONE, 0, false);
#elif CASE == 5
    // Two Ms that have nothing, so that one is refused as a searcher; two items from outside.
    holder[0] = 1; holder[1] = 2;
    run machine(0, 0, 0, false); run machine(1, 1, 0, false); run machine(2, NONE, 0, false);
    run external(); run external();
#elif CASE == 6
    // One M only, which has a P; the other P is idle and no thread can be made for it.
    holder[0] = 1; mask[1] = true; idle_ps = 1;
    run machine(0, 0, 0, false);
    run external(); run external();
#endif
#ifndef LIVENESS
    run monitor(); run at_end()
#endif
  }
}

#ifdef LIVENESS
ltl everything_runs { <>(all_done) }
#endif
