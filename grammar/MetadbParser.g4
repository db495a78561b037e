// The commands of the Metadb dialect. Each label of `command` becomes one struct of ast.h.
// What follows a verb that PostgreSQL has too and does not match here is PostgreSQL's.
// The grammar has no recursion: its prediction tables and the parser's stack stay bounded.
parser grammar MetadbParser;

options { tokenVocab = MetadbLexer; }

statement : command SEMICOLON* EOF ;

command
  : CREATE DATA SOURCE name TYPE name OPTIONS LEFT option ( COMMA option )* RIGHT  # createDataSource
  | ALTER DATA SOURCE name
      OPTIONS LEFT optionChange ( COMMA optionChange )* RIGHT                      # alterDataSource
  | DROP DATA SOURCE name                                                          # dropDataSource
  | PAUSE DATA SOURCE name                                                         # pauseDataSource
  | RESUME DATA SOURCE name                                                        # resumeDataSource
  | SYNC DATA SOURCE name                                                          # syncDataSource
  | ENDSYNC DATA SOURCE name FORCE?
      ( SWEEP TABLE qualifiedName ( COMMA qualifiedName )* )?                      # endSyncDataSource
  | CREATE DATA ORIGIN name                                                        # createDataOrigin
  | CREATE DATA MAPPING mappedColumn TO string BACKFILL?                           # createDataMapping
  | DROP DATA MAPPING mappedColumn                                                 # dropDataMapping
  | CREATE USER name WITH userOptions                                              # createUser
  | DROP USER name                                                                 # dropUser
  | REGISTER USER name                                                             # registerUser
  | DEREGISTER USER name                                                           # deregisterUser
  | CREATE SCHEMA FOR USER name                                                    # createSchemaForUser
  | GRANT ACCESS ON accessObject TO name                                           # grantAccess
  | REVOKE ACCESS ON accessObject FROM name                                        # revokeAccess
  | ALTER TABLE qualifiedName ADD COLUMN name typeName                             # alterTableAddColumn
  | ALTER TABLE qualifiedName ALTER COLUMN name TYPE typeName                      # alterTableAlterColumnType
  | PURGE DATA DROP TABLE qualifiedName ( COMMA qualifiedName )*                   # purgeData
  | ALTER SYSTEM SET name ( EQUALS | TO ) parameterValue                           # alterSystemSet
  | ALTER SYSTEM RESET name                                                        # alterSystemSet
  | LIST ( EXTERNAL SQL | name )                                                   # list
  | REFRESH INFERRED COLUMN TYPES                                                  # refreshInferredColumnTypes
  | VERIFY CONSISTENCY                                                             # verifyConsistency
  | RETRY DEAD LETTERS ( FOR DATA SOURCE name )?                                   # retryDeadLetters
  | PURGE DEAD LETTERS ( FOR DATA SOURCE name )?                                   # purgeDeadLetters
  | CREATE EXTERNAL SQL name FROM string REF string PATH string SCHEMA string
      ( SCHEDULE string )?                                                         # createExternalSql
  | DROP EXTERNAL SQL name                                                         # dropExternalSql
  | RUN EXTERNAL SQL ( FOR name )?                                                 # runExternalSql
  ;

// In either order: what does not match here is read, and perhaps logged, by PostgreSQL.
userOptions
  : userPassword ( COMMA userComment )?
  | userComment COMMA userPassword
  ;

userPassword : PASSWORD string ;

userComment : COMMENT string ;

option : optionName string ;

// As in PostgreSQL's ALTER ... OPTIONS: no word adds, and the words are option names too.
optionChange
  : ( ADD | SET )? option
  | DROP optionName
  ;

optionName : name ( DOT name )* ;

// Values that no parameter of ours takes are here, too: whether one fits is for the catalog to say.
parameterValue : DEFAULT | string | MINUS? NUMBER | name ;

mappedColumn : FOR JSON FROM TABLE qualifiedName COLUMN name PATH string ;

accessObject
  : TABLE qualifiedName                                       # accessTable
  | FUNCTION qualifiedName
      LEFT ( typeName ( COMMA typeName )* )? RIGHT            # accessFunction
  | ALL                                                       # accessAll
  ;

qualifiedName : name DOT name ;

// PostgreSQL's types. Where a word is a name as well, the earlier alternative is meant.
typeName : scalarType arrayBounds ;

scalarType
  : DOUBLE PRECISION
  | ( BIT | CHAR | CHARACTER | NCHAR ) VARYING? modifiers?
  | NATIONAL ( CHAR | CHARACTER ) VARYING? modifiers?
  | ( TIME | TIMESTAMP ) modifiers? ( ( WITH | WITHOUT ) TIME ZONE )?
  | INTERVAL ( intervalField ( TO intervalField )? )? modifiers?
  | name ( DOT name )* modifiers?
  ;

intervalField : YEAR | MONTH | DAY | HOUR | MINUTE | SECOND ;

modifiers : LEFT modifier ( COMMA modifier )* RIGHT ;

modifier : MINUS? NUMBER | name ;

arrayBounds
  : ( LEFT_BRACKET NUMBER? RIGHT_BRACKET )*
  | ARRAY ( LEFT_BRACKET NUMBER RIGHT_BRACKET )?
  ;

string : STRING | ESCAPE_STRING | DOLLAR_STRING ;

name : IDENTIFIER | QUOTED_NAME | keyword ;

keyword
  : ACCESS | ADD | ALL | ALTER | ARRAY | BACKFILL | BIT | CHAR | CHARACTER | COLUMN | COMMENT
  | CONSISTENCY | CREATE | DATA | DAY | DEAD | DEFAULT | DEREGISTER | DOUBLE | DROP | ENDSYNC
  | EXTERNAL | FOR | FORCE | FROM | FUNCTION | GRANT | HOUR | INFERRED | INTERVAL | JSON | LETTERS | LIST
  | MAPPING | MINUTE | MONTH | NATIONAL | NCHAR | ON | OPTIONS | ORIGIN | PASSWORD | PATH
  | PAUSE | PRECISION | PURGE | REF | REFRESH | REGISTER | RESET | RESUME | RETRY | REVOKE | RUN
  | SCHEDULE | SCHEMA | SECOND | SET | SOURCE | SQL | SWEEP | SYNC | SYSTEM | TABLE | TIME
  | TIMESTAMP | TO | TYPE | TYPES | USER | VARYING | VERIFY | WITH | WITHOUT | YEAR | ZONE
  ;
