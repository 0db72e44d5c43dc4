/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Debug information: every instruction that a line of policy asked for carries
 * that line, so that the verifier's log, `bpftool prog dump … linum` and perf
 * speak of the policy. It becomes .BTF and .BTF.ext; no DWARF is made.
 */
#include <llvm-c/IRReader.h>
#include <stdio.h>

#include "emit/emitter.h"

/*
 * LLVM copies source lines into BTF from the file on disk, as the path says,
 * unless the file node has the text. The C API cannot make such a node, but the
 * IR reader can. So an object is the same wherever it was compiled.
 */
static LLVMMetadataRef file_with_text(struct emitter *e, const struct source *src)
{
	static const char head[] = "!file = !{!0}\n!0 = !DIFile(filename: \"";
	size_t cap = sizeof(head) + 3 * (strlen(src->name) + src->size) + 64;
	char *ir = arena_alloc(e->arena, cap), *p = ir + sprintf(ir, "%s", head);
	LLVMMemoryBufferRef buffer;
	LLVMModuleRef m = NULL;
	LLVMValueRef node;
	char *message = NULL;

	for (const char *s = src->name; *s; s++)
		p += sprintf(p, "\\%02X", (unsigned char)*s);
	p += sprintf(p, "\", directory: \".\", source: \"");
	for (size_t i = 0; i < src->size; i++)
		p += sprintf(p, "\\%02X", (unsigned char)src->text[i]);
	p += sprintf(p, "\")\n");
	buffer = LLVMCreateMemoryBufferWithMemoryRangeCopy(ir, (size_t)(p - ir), "file");
	LLVMBool nameless = LLVMContextShouldDiscardValueNames(e->ctx);

	LLVMContextSetDiscardValueNames(e->ctx, false); /* the reader wants them */
	bool failed = LLVMParseIRInContext(e->ctx, buffer, &m, &message);

	LLVMContextSetDiscardValueNames(e->ctx, nameless);
	if (failed) {
		emit_bug(e, "LLVM does not read a file node: %s", message ? message : "?");
		LLVMDisposeMessage(message);
		return LLVMDIBuilderCreateFile(e->di, src->name, strlen(src->name), ".", 1);
	}
	LLVMGetNamedMetadataOperands(m, "file", &node);
	LLVMMetadataRef file = LLVMValueAsMetadata(node);

	LLVMDisposeModule(m);
	return file;
}

static LLVMMetadataRef file_of(struct emitter *e, const struct source *src)
{
	for (size_t i = 0; i < source_count(e->policy->sources); i++)
		if (source_at(e->policy->sources, i) == src) {
			if (!e->files[i])
				e->files[i] = file_with_text(e, src);
			return e->files[i];
		}
	return e->files[0];
}

void debug_begin(struct emitter *e)
{
	size_t n = source_count(e->policy->sources);

	e->di = LLVMCreateDIBuilder(e->mod);
	e->files = arena_alloc(e->arena, (n + 1) * sizeof(*e->files));
	e->scopes = arena_alloc(e->arena, (n + 1) * sizeof(*e->scopes));
	e->unit = LLVMDIBuilderCreateCompileUnit(
		e->di, LLVMDWARFSourceLanguageC, file_of(e, source_at(e->policy->sources, 0)), "iopc", 4,
		true, "", 0, 0, "", 0, LLVMDWARFEmissionFull, 0, false, false, "", 0, "", 0);
}

LLVMMetadataRef debug_function(struct emitter *e, LLVMValueRef fn, const char *name,
			       struct span at)
{
	struct position pos = source_position(e->policy->sources, at.begin);
	LLVMMetadataRef file = file_of(e, pos.source), none = NULL;
	LLVMMetadataRef type = LLVMDIBuilderCreateSubroutineType(e->di, file, &none, 1, LLVMDIFlagZero);

	e->subprogram = LLVMDIBuilderCreateFunction(e->di, file, name, strlen(name), name,
						    strlen(name), file, pos.line, type, true, true,
						    pos.line, LLVMDIFlagZero, true);
	LLVMSetSubprogram(fn, e->subprogram);
	memset(e->scopes, 0, source_count(e->policy->sources) * sizeof(*e->scopes));
	return e->subprogram;
}

/* Operands of a metadata node; false if it has another shape than we know. */
static bool operands_of(struct emitter *e, LLVMMetadataRef node, LLVMValueRef *operands, unsigned max,
			unsigned *n)
{
	LLVMValueRef v = LLVMMetadataAsValue(e->ctx, node);

	*n = LLVMGetMDNodeNumOperands(v);
	if (*n > max)
		return false;
	LLVMGetMDNodeOperands(v, operands);
	return true;
}

/*
 * A function with the type of one that the library has. The kernel takes a
 * function for global only with a BTF prototype whose parameters have types and
 * names; without them it says nothing and treats it as static. The C API cannot
 * ask for types: operand 4 of a DISubprogram is its DISubroutineType, operand 3 of
 * that the list of types, the result's first.
 */
void debug_walk(struct emitter *e, LLVMValueRef fn, const char *name, LLVMValueRef like)
{
	static const char *const names[] = { "ctx", "udp", "at", "size", "hash" };
	LLVMValueRef of_function[16], of_type[8], types[8];
	LLVMMetadataRef type;
	unsigned n;

	if (!operands_of(e, LLVMGetSubprogram(like), of_function, 16, &n) || n < 5 || !of_function[4] ||
	    !operands_of(e, type = LLVMValueAsMetadata(of_function[4]), of_type, 8, &n) || n < 4 ||
	    !operands_of(e, LLVMValueAsMetadata(of_type[3]), types, 8, &n) || n != 6) {
		emit_bug(e, "LLVM describes the type of %s in a way that is not known", name);
		return;
	}
	e->subprogram = LLVMDIBuilderCreateFunction(e->di, e->files[0], name, strlen(name), name,
						    strlen(name), e->files[0], 1, type, false, true, 1,
						    LLVMDIFlagZero, true);
	for (unsigned i = 1; i < n; i++)
		LLVMDIBuilderCreateParameterVariable(e->di, e->subprogram, names[i - 1],
						     strlen(names[i - 1]), i, e->files[0], 1,
						     LLVMValueAsMetadata(types[i]), true, LLVMDIFlagZero);
	LLVMSetSubprogram(fn, e->subprogram);
}

/* The same place of the source, in another function. */
void debug_again(struct emitter *e, LLVMMetadataRef where)
{
	LLVMMetadataRef file = where ? LLVMDIScopeGetFile(LLVMDILocationGetScope(where)) : NULL;

	if (!file)
		return;
	LLVMSetCurrentDebugLocation2(
		e->b, LLVMDIBuilderCreateDebugLocation(
			      e->ctx, LLVMDILocationGetLine(where), LLVMDILocationGetColumn(where),
			      LLVMDIBuilderCreateLexicalBlockFile(e->di, e->subprogram, file, 0), NULL));
}

void debug_at(struct emitter *e, struct span at)
{
	struct position pos = source_position(e->policy->sources, at.begin);
	LLVMMetadataRef scope = e->subprogram;

	if (!pos.source)
		return;
	for (size_t i = 0; i < source_count(e->policy->sources); i++) {
		if (source_at(e->policy->sources, i) != pos.source)
			continue;
		if (!e->scopes[i])
			e->scopes[i] = LLVMDIBuilderCreateLexicalBlockFile(
				e->di, e->subprogram, file_of(e, pos.source), 0);
		scope = e->scopes[i];
	}
	LLVMSetCurrentDebugLocation2(e->b, LLVMDIBuilderCreateDebugLocation(e->ctx, pos.line, pos.column,
									   scope, NULL));
}

static LLVMMetadataRef basic(struct emitter *e, const char *name, uint32_t bits)
{
	return LLVMDIBuilderCreateBasicType(e->di, name, strlen(name), bits, 7 /* DW_ATE_unsigned */,
					    LLVMDIFlagZero);
}

LLVMMetadataRef debug_u32(struct emitter *e)
{
	return basic(e, "unsigned int", 32);
}

LLVMMetadataRef debug_u64(struct emitter *e)
{
	return basic(e, "unsigned long long", 64);
}

LLVMMetadataRef debug_array(struct emitter *e, LLVMMetadataRef of, uint32_t n)
{
	LLVMMetadataRef range = LLVMDIBuilderGetOrCreateSubrange(e->di, 0, n);

	return LLVMDIBuilderCreateArrayType(e->di, (uint64_t)n * LLVMDITypeGetSizeInBits(of), 0, of,
					    &range, 1);
}

LLVMMetadataRef debug_bytes(struct emitter *e, uint32_t n)
{
	return debug_array(e, basic(e, "unsigned char", 8), n);
}

LLVMMetadataRef debug_struct(struct emitter *e, const char *name, const struct debug_member *m,
			     uint32_t n, uint32_t bytes)
{
	LLVMMetadataRef *members = arena_alloc(e->arena, (n + 1) * sizeof(*members));
	LLVMMetadataRef file = e->files[0];

	for (uint32_t i = 0; i < n; i++)
		members[i] = LLVMDIBuilderCreateMemberType(
			e->di, e->unit, m[i].name, strlen(m[i].name), file, 0, 8ull * m[i].bytes, 0,
			8ull * m[i].offset, LLVMDIFlagZero, m[i].type);
	return LLVMDIBuilderCreateStructType(e->di, e->unit, name, strlen(name), file, 0, 8ull * bytes, 0,
					     LLVMDIFlagZero, NULL, members, n, 0, NULL, "", 0);
}

void debug_variable(struct emitter *e, LLVMValueRef global, const char *name,
		    LLVMMetadataRef type)
{
	LLVMMetadataRef expr = LLVMDIBuilderCreateExpression(e->di, NULL, 0);
	LLVMMetadataRef gve = LLVMDIBuilderCreateGlobalVariableExpression(
		e->di, e->unit, name, strlen(name), "", 0, e->files[0], 0, type, false, expr, NULL, 0);

	LLVMGlobalSetMetadata(global, 0 /* dbg */, gve);
}

/* Is this file one of the policy's? */
static bool is_policy(const struct emitter *e, LLVMMetadataRef scope)
{
	LLVMMetadataRef file = scope ? LLVMDIScopeGetFile(scope) : NULL;

	for (size_t i = 0; file && i < source_count(e->policy->sources); i++)
		if (e->files[i] == file)
			return true;
	return false;
}

void debug_speak_policy(struct emitter *e)
{
	for (LLVMValueRef f = LLVMGetFirstFunction(e->mod); f; f = LLVMGetNextFunction(f))
		for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(f); b; b = LLVMGetNextBasicBlock(b))
			for (LLVMValueRef i = LLVMGetFirstInstruction(b); i;
			     i = LLVMGetNextInstruction(i)) {
				LLVMMetadataRef loc = LLVMInstructionGetDebugLoc(i);

				while (loc && !is_policy(e, LLVMDILocationGetScope(loc)))
					loc = LLVMDILocationGetInlinedAt(loc);
				if (loc)
					LLVMInstructionSetDebugLoc(i, loc);
			}
}
