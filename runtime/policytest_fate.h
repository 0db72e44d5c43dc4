/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between the files of policytest: what became of a packet at each stage, how
 * that is found out, and whether it is what was expected.
 */
#ifndef IOP_RUNTIME_POLICYTEST_FATE_H
#define IOP_RUNTIME_POLICYTEST_FATE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>

#include "abi/count.h"
#include "program.h"

/* --- the packet --- */

/* The UDP datagram or TCP segment in a frame, as a socket gets it. */
struct datagram {
	int family; /* AF_INET, AF_INET6 */
	__u32 protocol; /* IPPROTO_UDP, IPPROTO_TCP */
	bool opens;     /* TCP: a SYN; others are of a connection, which has its socket */
	struct sockaddr_storage from, to;
	const __u8 *payload;
	size_t size;
};

enum datagram_kind {
	DATAGRAM_WHOLE,
	DATAGRAM_NONE,   /* neither UDP nor TCP, or broken: no socket meets it */
	DATAGRAM_OPAQUE, /* a fragment, or authenticated: what the socket gets is not known here */
};

enum datagram_kind datagram_read(const __u8 *frame, size_t size, struct datagram *d);
in_port_t datagram_port(const struct sockaddr_storage *a);         /* host order */
const __u8 *datagram_address(const struct sockaddr_storage *a);    /* 4 or 16 bytes */

/* --- what became of it --- */

enum fate_kind {
	FATE_UNKNOWN, /* `why` tells */
	FATE_PASS,
	FATE_DROP,
	FATE_STEER,  /* rx: to `number` of `pool` */
	FATE_WORKER, /* socket: to `number` */
};

#define FATE_WHY 200

struct stage_fate {
	enum fate_kind kind;
	__u32 pool, number;
	bool fallback; /* what the rule chose is not there */
	bool limited;  /* dropped for being over the limit */
	bool marked, ordered; /* tx: it leaves with these */
	__u32 mark, band;
	char why[FATE_WHY];
};

struct fate {
	const struct iop_desc_step *packet;
	enum datagram_kind datagram_kind;
	struct datagram datagram;
	struct stage_fate rx, socket;
	bool met_socket;      /* its workload has a socket stage */
	struct stage_fate tx; /* of the reply */
	bool untold;          /* the reply is that of the worker which the kernel picks */
	bool told;      /* a stage has told the class */
	bool classed;   /* the class is known: told, or there can be none */
	__u32 class;    /* row or IOP_NONE */
	__u32 workload; /* likewise; by the `match` lines until a stage tells it */
};

/* --- counters --- */

/* All counters of a stage, summed over cores. */
struct tally {
	__u64 *sums; /* of class c: words c * words … */
	__u32 classes, words;
	__u64 unclassed;
};

/* A stage without counters has none, and that is no error. Negative errno otherwise. */
int tally_read(const struct bpf_object *obj, const struct iop_object *o, enum iop_hook hook,
	       struct tally *t);
void tally_free(struct tally *t);
#define _cleanup_tally_ _cleanup_(tally_free)

/* What one packet has changed. */
struct tally_change {
	__u32 class;    /* whose packet it was, or IOP_NONE */
	bool unclassed; /* of a workload, but of no class */
	__u64 reasons[IOP_COUNT_TARGETS];
	const struct iop_desc_target *target; /* which was chosen, NULL: none */
	__u32 number;                         /* its counter, from the target's first */
};

void tally_compare(const struct iop_object *o, enum iop_hook hook, const struct tally *before,
		   const struct tally *after, struct tally_change *change);

/* Takes over what a stage has counted about the packet's class, if nobody has told it before. */
void fate_tell_class(const struct iop_object *o, const struct tally_change *change,
		     struct fate *fate);

/* --- stages --- */

struct policytest {
	const struct iop_object *object;
	struct program_values values;
	struct bpf_object *policy; /* loaded afresh for each test */
	const __u32 *workers;      /* by workload: how many there are */
	bool poor;                 /* a pool's cores are not all on this machine */
	struct iop_report *report;
};

#define POLICYTEST_POOR "a pool's cores are not all on this machine"

/* Fills fate->rx and what it tells of the class. 0, or negative errno for want of memory
 * or of sense in the maps. */
int policytest_rx(const struct policytest *t, struct fate *fate);

/* Fills the socket fate of all packets that enter, in a network namespace of its own. */
int policytest_socket(const struct policytest *t, struct fate *fates, size_t n);

/* Fills the tx fate of the replies to all packets that were not dropped. */
int policytest_tx(const struct policytest *t, struct fate *fates, size_t n);

/* The workload whose `match` lines the packet meets, IOP_NONE: none. */
__u32 policytest_match(const struct iop_object *o, const struct datagram *d);

/* --- addresses of a namespace --- */

/* Both act on the namespace of the calling thread, and return a negative errno. */
int lo_up(void);
int lo_add(const struct sockaddr_storage *address);

/* --- expectations --- */

enum verdict { VERDICT_HOLDS, VERDICT_FAILS, VERDICT_UNKNOWN };

enum verdict expectation_judge(const struct policytest *t, const struct iop_desc_step *expected,
			       const struct fate *fate);
/* Why that is unknown. */
const char *expectation_unknown(const struct policytest *t, const struct iop_desc_step *expected,
				const struct fate *fate);
/* "rx drop (over the limit)": what came instead. */
void expectation_got(FILE *f, const struct policytest *t, const struct iop_desc_step *expected,
		     const struct fate *fate);

#endif
