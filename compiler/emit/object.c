/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The module as a whole: opening the stage library, taking out what the policy
 * does not use, optimising, writing.
 */
#include <llvm-c/Analysis.h>
#include <llvm-c/BitReader.h>
#include <llvm-c/ErrorHandling.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <stdio.h>
#include <stdlib.h>

#include "emit/emit.h"
#include "emit/emitter.h"
#include "emit/library.h"
#include "emit/strip.h"

/* LLVM reports and goes on as if nothing had happened: remember that it did. */
static void on_diagnostic(LLVMDiagnosticInfoRef info, void *ctx)
{
	struct emitter *e = ctx;

	if (LLVMGetDiagInfoSeverity(info) != LLVMDSError)
		return;
	char *message = LLVMGetDiagInfoDescription(info);

	if (!strstr(message, "stack limit"))
		emit_bug(e, "LLVM says: %s", message);
	else if (!e->failed)
		diag_help(diag_error(e->diags, SPAN_NONE,
				     "the policy is too large for one program: what a packet's way "
				     "remembers takes more than the 512 bytes of its stack"),
			  "fewer fields of variable place in the conditions and keys of one stage");
	e->failed = true;
	LLVMDisposeMessage(message);
}

/* LLVM ends the process behind this; it offers no way to go on. A branch reaches 32,767
 * instructions, which LLVM finds out last. */
static void on_fatal(const char *reason)
{
	if (strstr(reason, "out of insn range")) {
		fprintf(stderr, "error: the policy is too large for one program: a branch would have to lead "
				"over more than 32767 instructions\n"
				"help: workloads that say the same but for ports and rates share their code; "
				"long lists of values are cheaper as sets\n");
		fflush(NULL);
		_Exit(1);
	}
	fprintf(stderr, "iopc: this is a bug of iopc: LLVM says: %s\n"
			"iopc: please report it with the policy\n", reason);
	fflush(NULL);
	_Exit(70);
}

bool emit_open_library(struct emitter *e)
{
	LLVMMemoryBufferRef buffer = LLVMCreateMemoryBufferWithMemoryRange(
		(const char *)stage_library, stage_library_size, "stage library", true);

	LLVMInstallFatalErrorHandler(on_fatal);
	LLVMContextSetDiagnosticHandler(e->ctx, on_diagnostic, e);
	if (LLVMParseBitcodeInContext2(e->ctx, buffer, &e->mod)) {
		emit_bug(e, "the stage library cannot be read");
		LLVMDisposeMemoryBuffer(buffer);
		return false;
	}
	LLVMDisposeMemoryBuffer(buffer);
	LLVMSetSourceFileName(e->mod, e->policy->name, strlen(e->policy->name));
	LLVMSetModuleIdentifier(e->mod, e->policy->name, strlen(e->policy->name));
	return true;
}

/* "" if it is in none. */
static const char *section_of(LLVMValueRef g)
{
	const char *s = LLVMGetSection(g);

	return s ? s : "";
}

static bool in_section(LLVMValueRef g, const char *section)
{
	return strcmp(section_of(g), section) == 0;
}

/* The library has more functions than any policy calls; what is gone costs no pass any time. */
static void drop_uncalled(LLVMModuleRef m)
{
	bool more = true;

	while (more) {
		more = false;
		for (LLVMValueRef f = LLVMGetFirstFunction(m), next; f; f = next) {
			next = LLVMGetNextFunction(f);
			if (LLVMGetFirstUse(f) || LLVMGetLinkage(f) != LLVMInternalLinkage)
				continue;
			LLVMDeleteFunction(f);
			more = true;
		}
	}
}

/* Programs and maps stay visible; everything else is ours to inline and to drop. */
static void internalise(struct emitter *e)
{
	unsigned inline_kind = LLVMGetEnumAttributeKindForName("alwaysinline", 12);
	LLVMAttributeRef always = LLVMCreateEnumAttribute(e->ctx, inline_kind, 0);

	for (LLVMValueRef f = LLVMGetFirstFunction(e->mod), next; f; f = next) {
		next = LLVMGetNextFunction(f);
		if (LLVMIsDeclaration(f) || *section_of(f) || LLVMGetLinkage(f) == LLVMWeakAnyLinkage)
			continue; /* weak: a walk (walk.c) */
		LLVMSetLinkage(f, LLVMInternalLinkage);
		LLVMAddAttributeAtIndex(f, LLVMAttributeFunctionIndex, always);
	}
	for (int h = 0; h < IOP_HOOKS; h++) {
		LLVMValueRef f = LLVMGetNamedFunction(e->mod, e->plan->hooks[h].program);

		if (f && !e->plan->hooks[h].used)
			LLVMDeleteFunction(f);
	}
	drop_uncalled(e->mod);
}

/* The description says that the object has it, so it stays, used or not. */
static bool is_described(const struct emitter *e, LLVMValueRef g)
{
	size_t n;
	const char *name = in_section(g, ".maps") ? LLVMGetValueName2(g, &n) : section_of(g);

	for (uint32_t i = 0; i < e->plan->n_maps; i++)
		if (strcmp(e->plan->maps[i]->name, name) == 0)
			return true;
	return false;
}

/* Maps that nothing uses any more, and names that were only declared. */
static void drop_unused(struct emitter *e)
{
	for (LLVMValueRef g = LLVMGetFirstGlobal(e->mod), next; g; g = next) {
		next = LLVMGetNextGlobal(g);
		if (!LLVMGetFirstUse(g) && (LLVMIsDeclaration(g) || in_section(g, ".maps") ||
					    in_section(g, ".data.group") || LLVMIsGlobalConstant(g)) &&
		    !in_section(g, IOP_DESC_SECTION) && !is_described(e, g))
			LLVMDeleteGlobal(g);
	}
	for (LLVMValueRef f = LLVMGetFirstFunction(e->mod), next; f; f = next) {
		next = LLVMGetNextFunction(f);
		if (!LLVMGetFirstUse(f) && LLVMIsDeclaration(f))
			LLVMDeleteFunction(f);
	}
}

/* A function or variable without a body would fail at load, with a message that helps nobody. */
static void check_complete(struct emitter *e)
{
	for (LLVMValueRef f = LLVMGetFirstFunction(e->mod); f; f = LLVMGetNextFunction(f))
		if (LLVMIsDeclaration(f) && !LLVMGetIntrinsicID(f))
			emit_bug(e, "function %s has no body", LLVMGetValueName(f));
	for (LLVMValueRef g = LLVMGetFirstGlobal(e->mod); g; g = LLVMGetNextGlobal(g))
		if (LLVMIsDeclaration(g))
			emit_bug(e, "variable %s has no value", LLVMGetValueName(g));
}

static LLVMTargetMachineRef target_machine(struct emitter *e)
{
	LLVMTargetRef target;
	char *message = NULL;

	LLVMInitializeBPFTargetInfo();
	LLVMInitializeBPFTarget();
	LLVMInitializeBPFTargetMC();
	LLVMInitializeBPFAsmPrinter();
	LLVMInitializeBPFAsmParser(); /* for the stage library's barriers */
	if (LLVMGetTargetFromTriple(LLVMGetTarget(e->mod), &target, &message)) {
		emit_bug(e, "LLVM has no BPF target: %s", message);
		LLVMDisposeMessage(message);
		return NULL;
	}
	return LLVMCreateTargetMachine(target, LLVMGetTarget(e->mod), "v3", "",
				       LLVMCodeGenLevelDefault, LLVMRelocStatic, LLVMCodeModelDefault);
}

static bool optimise(struct emitter *e, LLVMTargetMachineRef tm)
{
	LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
	char *message = NULL;
	LLVMErrorRef err;

#ifndef NDEBUG /* it finds mistakes of this room, which the tests of such a build have made */
	if (LLVMVerifyModule(e->mod, LLVMReturnStatusAction, &message)) {
		emit_bug(e, "the module is not well-formed: %s", message);
		LLVMDisposeMessage(message);
		LLVMDisposePassBuilderOptions(options);
		return false;
	}
	LLVMDisposeMessage(message);
#endif
	err = LLVMRunPasses(e->mod, "default<O2>", tm, options);
	LLVMDisposePassBuilderOptions(options);
	if (err) {
		message = LLVMGetErrorMessage(err);
		emit_bug(e, "LLVM says: %s", message);
		LLVMDisposeErrorMessage(message);
		return false;
	}
	return !e->failed;
}

static const struct emitted *keep(struct emitter *e, const void *data, size_t size)
{
	struct emitted *out = arena_new_of(e->arena, struct emitted);
	void *copy = arena_alloc(e->arena, size + 1);

	memcpy(copy, data, size);
	*out = (struct emitted){ copy, size };
	return out;
}

static const struct emitted *write_code(struct emitter *e, LLVMTargetMachineRef tm, int kind)
{
	LLVMMemoryBufferRef buffer = NULL;
	const struct emitted *out = NULL;
	char *message = NULL;

	if (LLVMTargetMachineEmitToMemoryBuffer(tm, e->mod,
						kind == EMIT_ASM ? LLVMAssemblyFile : LLVMObjectFile,
						&message, &buffer)) {
		emit_bug(e, "LLVM says: %s", message);
		LLVMDisposeMessage(message);
		return NULL;
	}
	if (!e->failed && kind == EMIT_ASM) {
		out = keep(e, LLVMGetBufferStart(buffer), LLVMGetBufferSize(buffer));
	} else if (!e->failed) {
		size_t size;
		const void *object = strip_debug(e->arena, LLVMGetBufferStart(buffer),
						 LLVMGetBufferSize(buffer), &size);

		out = keep(e, object, size);
	}
	LLVMDisposeMemoryBuffer(buffer);
	return out;
}

const struct emitted *emit_write(struct emitter *e, int kind)
{
	const struct emitted *out = NULL;
	LLVMTargetMachineRef tm;

	LLVMDIBuilderFinalize(e->di);
	internalise(e);
	tm = target_machine(e);
	if (!tm)
		return NULL;
	if (optimise(e, tm)) {
		drop_unused(e);
		check_complete(e);
		debug_speak_policy(e);
	}
	if (!e->failed && kind == EMIT_IR) {
		char *text = LLVMPrintModuleToString(e->mod);

		out = keep(e, text, strlen(text));
		LLVMDisposeMessage(text);
	} else if (!e->failed) {
		out = write_code(e, tm, kind);
	}
	LLVMDisposeTargetMachine(tm);
	return e->failed ? NULL : out;
}
