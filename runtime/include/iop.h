/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libiop: loads policies that iopc has compiled, tells what they do, and takes
 * them away again. iopctl is written with nothing else.
 *
 * How to read an answer. A function returns 0, or a negative errno; every
 * message, errors and what else a user should know, goes into a struct
 * iop_report that the caller makes, prints as it likes, and frees. Nothing is
 * printed here and no process state is changed for good: no signal handler, no
 * namespace, no working directory. A report may be NULL for who wants the number
 * only.
 *
 * What a function returns through a pointer belongs to the caller, who ends it
 * with the function named there; its strings live as long as it does. Strings
 * that may be absent are "" and not NULL.
 *
 * Threads: the functions may be called from any thread, but not two at once in
 * one process (libbpf's messages are caught in between). Two processes are kept
 * apart by a lock on the folder of pins.
 */
#ifndef IOP_H
#define IOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define IOP_NAME_MAX 63 /* bytes of a policy's name, without the NUL */

/* --- messages --- */

enum iop_level { IOP_LEVEL_ERROR, IOP_LEVEL_WARNING, IOP_LEVEL_NOTE };

/* Who has to act on an error. */
enum iop_cause {
	IOP_CAUSE_NONE,
	IOP_CAUSE_POLICY,      /* the policy or its object is wrong */
	IOP_CAUSE_USAGE,       /* the arguments are */
	IOP_CAUSE_ENVIRONMENT, /* the machine, a file, a server or a privilege is missing */
	IOP_CAUSE_KERNEL,      /* the kernel refused, the verifier above all */
	IOP_CAUSE_BUG,         /* ours */
};

struct iop_message {
	enum iop_level level;
	enum iop_cause cause;
	const char *file; /* place in the policy's sources; "": none */
	uint32_t line, column;
	const char *text;   /* a sentence without a full stop; "\n" between several lines */
	const char *source; /* the line of the sources, where the kernel gave it */
	const char *help;   /* what to do about it */
	const char *detail; /* the end of the verifier's log, libbpf's messages; if kept */
};

struct iop_report;

/* NULL without memory. */
struct iop_report *iop_report_new(void);

/* From here on messages keep their detail, which is long. */
void iop_report_keep_detail(struct iop_report *report);
void iop_report_free(struct iop_report *report); /* NULL allowed */

size_t iop_report_count(const struct iop_report *report);

/* Message i of iop_report_count(), in the order in which they came up; valid until
 * the next function that takes the report. */
const struct iop_message *iop_report_message(const struct iop_report *report, size_t i);

/* The cause of the first error; IOP_CAUSE_NONE: there is none. */
enum iop_cause iop_report_cause(const struct iop_report *report);

/* --- loading --- */

enum iop_step_state {
	IOP_STEP_PLANNED,  /* a dry run: it would be done */
	IOP_STEP_BEGUN,
	IOP_STEP_DONE,
	IOP_STEP_FAILED,
	IOP_STEP_REVERTED, /* taken back after another one has failed */
};

struct iop_step_event {
	size_t number, count; /* 1 … count */
	enum iop_step_state state;
	const char *text;     /* "attach iop_rx to eth0" */
};

struct iop_load_options {
	size_t size; /* sizeof(struct iop_load_options) of the caller */

	/* The object: a file's path, or bytes and a name for messages. */
	const char *path;
	const void *object;
	size_t object_size;
	const char *object_name;

	/* Devices of this network namespace for the rx and tx stages. */
	const char *const *devices;
	size_t n_devices;

	/* "param=value", with the units of the language: 5k/s, 10mbit, 100us. */
	const char *const *settings;
	size_t n_settings;

	/* Check and say all steps as IOP_STEP_PLANNED; change nothing. */
	bool dry_run;

	/* Asked between steps; true: take everything back and return -EINTR. */
	bool (*interrupted)(void *context);
	/* Told of each step; the event is valid during the call only. */
	void (*on_step)(void *context, const struct iop_step_event *event);
	void *context;
};

/*
 * Loads a policy for this network namespace, and puts its name into `policy` as soon as
 * that is known (NULL allowed): checks the machine and reports all
 * that is missing at once, loads, pins, attaches. After a failure at any step all
 * before it is taken back. When it has returned 0 the policy is in force and needs
 * no process.
 *
 *	-EBADMSG  not an object of iopc, or a broken one
 *	-EINVAL   a device or setting that the policy cannot take
 *	-EEXIST   a policy of this name is loaded
 *	-EBUSY    another XDP program, policy or iopctl is in the way
 *	-EPERM    a capability is missing
 *	-ENOTSUP  the kernel or the machine lacks something
 *	-EACCES   the verifier rejects a program
 *	-EINTR    options->interrupted said so
 */
int iop_load(const struct iop_load_options *options, char policy[IOP_NAME_MAX + 1],
	     struct iop_report *report);

/*
 * Takes a policy away and puts back what loading has changed on the machine;
 * works on what an interrupted load or unload has left, too. It does not stop at an
 * error: what could not be taken away or put back is reported, with what to do about it,
 * and the first such error is returned. -ENOENT: no such policy. `on_step` may be
 * NULL.
 */
int iop_unload(const char *policy,
	       void (*on_step)(void *context, const struct iop_step_event *event), void *context,
	       struct iop_report *report);

/* --- changing what runs --- */

struct iop_set_event {
	const char *name;    /* of the param */
	const char *text;    /* what it is now, "5k/s" */
	const char *before;  /* what it was */
	uint64_t value, value_before;
};

/*
 * Gives live params of a loaded policy other values, "param=value" each, with the units of
 * the language: all of them, or none if one cannot be taken. Each changes at once for
 * all programs; between two of one call a packet may meet one new value beside one old,
 * in the order in which the policy declares them. `on_set` is told of each (NULL
 * allowed).
 *
 *	-ENOENT  no such policy
 *	-EINVAL  no such param, or a value that it cannot have
 *	-EPERM   a param that is not live, or a capability is missing
 *	-EBUSY   another iopctl is at work
 */
int iop_set(const char *policy, const char *const *settings, size_t n_settings,
	    void (*on_set)(void *context, const struct iop_set_event *event), void *context,
	    struct iop_report *report);

/* --- what is loaded --- */

struct iop_list {
	size_t n;
	char **names; /* sorted */
};

/* 0 and an empty list when nothing is loaded. Free with iop_list_free(). */
int iop_list_read(struct iop_list **list, struct iop_report *report);
void iop_list_free(struct iop_list *list); /* NULL allowed */

enum iop_policy_state {
	IOP_POLICY_LOADED,
	IOP_POLICY_INCOMPLETE, /* a load or an unload was killed: unload cleans up */
};

enum iop_xdp_mode { IOP_XDP_NONE, IOP_XDP_NATIVE, IOP_XDP_GENERIC };

enum iop_value_type { IOP_VALUE_NUMBER, IOP_VALUE_RATE, IOP_VALUE_BITRATE, IOP_VALUE_DURATION };

struct iop_status_param {
	const char *name;
	enum iop_value_type type;
	uint64_t value;      /* number, requests a second, bit/s, ns */
	const char *text;    /* "5k/s" */
	bool set;            /* by the operator, at load or since; else the policy's own */
	bool live;           /* may change while the policy runs */
	bool changed;        /* by iop_set(), since the load */
};

struct iop_status_stage {
	const char *name;      /* "rx", "socket": in the order of attachment */
	const char *mechanism; /* how it is enforced: "XDP by bpf_link: eth0 native" */
};

struct iop_status_device {
	const char *name;
	uint32_t index;
	enum iop_xdp_mode mode; /* taken at load */
	bool attached;          /* still */
};

struct iop_status_worker {
	uint32_t number;
	uint64_t cookie; /* of the socket */
	bool alive;      /* the socket is still the group's */
	int32_t pid;     /* who serves it, as well as that can be told; 0: unknown */
	const char *comm;
};

struct iop_status_group {
	const char *workload;
	const char *address; /* "0.0.0.0:53", "[::]:53" */
	size_t n_workers;
	struct iop_status_worker *workers;
};

/* What loading has changed on the machine beside programs and maps. */
struct iop_status_setting {
	const char *device;
	const char *what;  /* "tx checksumming" */
	const char *value; /* "off" */
	const char *before;
};

struct iop_status_feature {
	const char *what, *why;
	uint32_t since_major, since_minor; /* first Linux that has it */
	const char *file;
	uint32_t line;
};

struct iop_status {
	const char *policy;
	enum iop_policy_state state;
	const char *digest;   /* SHA-256 of the sources, 64 hexadecimal digits */
	const char *compiler;
	const char *object;   /* path or name given to iop_load() */
	uint64_t loaded_at;   /* seconds since 1970 */
	size_t n_params;
	struct iop_status_param *params;
	size_t n_stages;
	struct iop_status_stage *stages;
	size_t n_devices;
	struct iop_status_device *devices;
	size_t n_groups;
	struct iop_status_group *groups;
	size_t n_settings;
	struct iop_status_setting *settings;
	size_t n_features;
	struct iop_status_feature *features;
	size_t n_problems;     /* 0: healthy */
	const char **problems; /* sentences */
};

/* -ENOENT: no such policy. Free with iop_status_free(). */
int iop_status_read(const char *policy, struct iop_status **status, struct iop_report *report);
void iop_status_free(struct iop_status *status); /* NULL allowed */

/* --- signals --- */

struct iop_signal;

/*
 * The slot in which an application tells the policy about one of its workers: the one that
 * `socket` is. `size` is that of the number that it will store: 1, 2, 4 or 8 bytes. The
 * number with all bits set says nothing, and is what stands there at first.
 *
 *	-ENOENT  no such policy, or no such signal in it, or the socket is not one of its workers:
 *	         the policy may be loaded later; try again then
 *	-EINVAL  the signal has another size
 *	-EACCES, -EPERM  who calls may not open the policy's maps: they belong to root
 */
int iop_signal_open(const char *policy, const char *signal, int socket, size_t size,
		    struct iop_signal **out, struct iop_report *report);

/*
 * Where to store: one aligned store of that size, by any thread, at any time. The memory is the
 * caller's until iop_signal_close(). Once the policy is unloaded nobody reads it.
 */
void *iop_signal_slot(const struct iop_signal *signal);
void iop_signal_close(struct iop_signal *signal); /* NULL allowed */

/* --- counters --- */

struct iop_stats_counter {
	const char *name; /* "seen" */
	const char *doc;
	uint64_t value;
};

/* How often a core or a worker was chosen. */
struct iop_stats_target {
	uint32_t number;
	bool and_beyond; /* it counts this worker and all of higher numbers */
	uint64_t value;
};

struct iop_stats_class {
	const char *workload, *name;
	size_t n_counters;
	struct iop_stats_counter *counters;
	size_t n_targets;
	struct iop_stats_target *targets; /* by number */
};

struct iop_stats_stage {
	const char *name;
	const char *target; /* what targets are: "core" or "worker" */
	size_t n_path;
	struct iop_stats_counter *path; /* packets of no class */
	size_t n_classes;
	struct iop_stats_class *classes;
};

/* A core of a stack stage; counters that are not the stage's alone count all that came. */
struct iop_stats_core {
	uint32_t core;
	bool in_use;        /* by the stage, now */
	uint64_t given;     /* packets that the driver stage gave to it */
	uint64_t served;    /* of these, that its thread took from the queue */
	uint64_t lost;      /* that found the queue full, as far as packets behind them tell */
	uint64_t measured;  /* packets of the stage whose waiting time was measured */
	uint64_t late;      /* of these, waited longer than the target */
	uint64_t waited_ns; /* all of them together */
};

struct iop_stats_stack {
	const char *workload, *pool;
	uint32_t in_use, least, most; /* cores */
	size_t n_counters;
	struct iop_stats_counter *counters;
	size_t n_cores;
	struct iop_stats_core *cores; /* in the order in which they are taken */
};

/* Sums over all CPUs, in the order of the path: rx before socket. */
struct iop_stats {
	const char *policy;
	uint64_t taken_at; /* ns of CLOCK_MONOTONIC */
	size_t n_stages;
	struct iop_stats_stage *stages;
	size_t n_stacks;
	struct iop_stats_stack *stacks;
};

/* -ENOENT: no such policy. Free with iop_stats_free(). */
int iop_stats_read(const char *policy, struct iop_stats **stats, struct iop_report *report);
void iop_stats_free(struct iop_stats *stats); /* NULL allowed */

#ifdef __cplusplus
}
#endif

#endif
